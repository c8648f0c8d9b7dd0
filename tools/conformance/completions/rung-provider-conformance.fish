# Completion for fish. The words come from the program itself.
complete -c rung-provider-conformance -n 'string match -q -- "-*" (commandline -ct)' -a '(rung-provider-conformance --words)'
