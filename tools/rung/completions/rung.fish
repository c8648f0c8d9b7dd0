# Completion for fish. The words come from the tool itself: rung help [COMMAND] --words.
function __rung_command
    set -l words (commandline -opc)
    test (count $words) -gt 1; and echo $words[2]
end
complete -c rung -n 'test -z (__rung_command)' -f -a '(rung help --words)'
complete -c rung -n 'test (__rung_command) = help' -f -a '(rung help --words)'
complete -c rung -n 'test -n (__rung_command); and string match -q -- "-*" (commandline -ct)' -a '(rung help (__rung_command) --words)'
