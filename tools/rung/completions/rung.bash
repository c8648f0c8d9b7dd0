# Completion for bash. The words come from the tool itself: rung help [COMMAND] --words.
_rung() {
  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}
  if [[ $COMP_CWORD = 1 || ( $command = help && $word != -* ) ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(rung help --words 2>/dev/null)" -- "$word")
  elif [[ $word = -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(rung help "$command" --words 2>/dev/null | cut -f 1)" -- "$word")
  else
    COMPREPLY=() # files
  fi
}
complete -o default -F _rung rung
