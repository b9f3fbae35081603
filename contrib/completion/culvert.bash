# bash completion for culvert(1). It asks the program itself, so it knows what the program knows:
# commands from `culvert --help`, the rest from the usage of `culvert COMMAND --help`.

_culvert_commands() {
	culvert --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p'
}

# add|list, or the words that may come after `culvert user`
_culvert_actions() {
	culvert "$1" --help 2>/dev/null |
		sed -n "s/^\([Uu]sage:\|      \) *culvert $1 \([a-z][a-z|-]*\).*/\2/p" | tr '|' '\n'
}

_culvert_switches() {
	culvert "$1" --help 2>/dev/null | grep -oE -- '--[a-z][a-z0-9-]*' | sort -u
}

_culvert_options() {
	culvert config dump 2>/dev/null |
		awk '/^\[/ { gsub(/[][]/, ""); s = $1 } / = / { print s "." $1 "=" }'
}

_culvert() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words=
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		words="$(_culvert_commands) --help --version"
	elif [[ $previous == --option || $previous == -o ]]; then
		words=$(_culvert_options)
		compopt -o nospace 2>/dev/null
	elif [[ $current == -* ]]; then
		words=$(_culvert_switches "${COMP_WORDS[1]}")
	elif [ "$COMP_CWORD" -eq 2 ]; then
		words=$(_culvert_actions "${COMP_WORDS[1]}")
	fi
	# Nothing of ours: files (complete -o default).
	[ -z "$words" ] || mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -o default -F _culvert culvert
