import { flatten, type CommandNode } from './command-tree.ts'

/** Shells for which a script can be made. */
export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** The script that completes the program `root` in `shell`: commands, options and their choices; files where nothing else fits. */
export function completionScript(root: CommandNode, shell: Shell): string {
  const name = root.command.name()
  return { bash, zsh, fish }[shell](name, flatten(root))
}

/** Commands and options are words of the program; nothing of them needs more than this. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** The words that may follow `node`, with what they are for. */
function wordsOf(node: CommandNode): [word: string, about: string][] {
  return [
    ...node.children.map(({ command }): [string, string] => [
      command.name(),
      command.description(),
    ]),
    ...node.options.map(({ long, short, description }): [string, string] => [
      long ?? short ?? '',
      description,
    ]),
  ]
}

/** A shell's `case` patterns for the steps that lead one command down, and what the place is called then. */
function steps(nodes: readonly CommandNode[]): { pattern: string; place: string }[] {
  return nodes.slice(1).flatMap(({ path, aliases }) => {
    const parent = path.slice(0, -1).join(' ')
    const place = path.join(' ')
    return [path.at(-1) ?? '', ...aliases].map((word) => ({ pattern: `${parent}/${word}`, place }))
  })
}

/** Choices of options: a `case` pattern of place and option, and the words that may follow. */
function choices(nodes: readonly CommandNode[]): [pattern: string, words: readonly string[]][] {
  return nodes.flatMap(({ path, options }) =>
    options.flatMap(({ long, short, argChoices = [] }): [string, readonly string[]][] => {
      const flags = [long, short].filter((flag) => flag !== undefined && flag !== null)
      const patterns = flags.map((flag) => quote(`${path.join(' ')} ${flag}`))
      return argChoices.length === 0 ? [] : [[patterns.join('|'), argChoices]]
    }),
  )
}

/** The part that bash and zsh share: which command the words so far lead to. */
function findPlace(nodes: readonly CommandNode[], words: string): string[] {
  return [
    `  local place= word`,
    `  for word in ${words}; do`,
    `    case "$place/$word" in`,
    ...steps(nodes).map(
      ({ pattern, place }) => `      ${quote(pattern)}) place=${quote(place)} ;;`,
    ),
    `    esac`,
    `  done`,
  ]
}

function bash(name: string, nodes: readonly CommandNode[]): string {
  return `${[
    `# bash completion for ${name}; load it with: source <(${name} completion bash)`,
    `_${name}() {`,
    `  local current=\${COMP_WORDS[COMP_CWORD]} words=`,
    ...findPlace(nodes, '"${COMP_WORDS[@]:1:COMP_CWORD-1}"'),
    `  case "$place \${COMP_WORDS[COMP_CWORD-1]}" in`,
    ...choices(nodes).map(
      ([pattern, words]) => `    ${pattern}) words=${quote(words.join(' '))} ;;`,
    ),
    `    *) case "$place" in`,
    ...nodes.map((node) => {
      const words = wordsOf(node).map(([word]) => word)
      return `      ${quote(node.path.join(' '))}) words=${quote(words.join(' '))} ;;`
    }),
    `    esac ;;`,
    `  esac`,
    `  COMPREPLY=($(compgen -W "$words" -- "$current"))`,
    `}`,
    `complete -o default -F _${name} ${name}`,
  ].join('\n')}\n`
}

function zsh(name: string, nodes: readonly CommandNode[]): string {
  const described = ([word, about]: [string, string]): string =>
    quote(`${word}:${about.replaceAll(':', '\\:')}`)
  return `${[
    `#compdef ${name}`,
    `# zsh completion for ${name}; load it with: source <(${name} completion zsh)`,
    `_${name}() {`,
    ...findPlace(nodes, '"${(@)words[2,CURRENT-1]}"'),
    `  local -a found`,
    `  case "$place \${words[CURRENT-1]}" in`,
    ...choices(nodes).map(
      ([pattern, words]) => `    ${pattern}) compadd -- ${words.map(quote).join(' ')}; return ;;`,
    ),
    `  esac`,
    `  case "$place" in`,
    ...nodes.map(
      (node) =>
        `    ${quote(node.path.join(' '))}) found=(${wordsOf(node).map(described).join(' ')}) ;;`,
    ),
    `  esac`,
    `  _describe -t words ${name} found || _files`,
    `}`,
    `if [ "$funcstack[1]" = "_${name}" ]; then _${name}; else compdef _${name} ${name}; fi`,
  ].join('\n')}\n`
}

function fish(name: string, nodes: readonly CommandNode[]): string {
  const lines = nodes.flatMap((node) => {
    const place = quote(node.path.join(' '))
    const here = `complete -c ${name} -n ${quote(`__${name}_at ${place}`)}`
    return [
      ...node.children.map(
        ({ command }) =>
          `${here} -f -a ${quote(command.name())} -d ${quote(command.description())}`,
      ),
      ...node.options.map(({ long, short, description, argChoices = [], required }) =>
        [
          here,
          ...(long ? [`-l ${long.slice(2)}`] : []),
          ...(short && short.length === 2 ? [`-s ${short.slice(1)}`] : []),
          ...(argChoices.length > 0
            ? [`-x -a ${quote(argChoices.join(' '))}`]
            : required
              ? ['-r']
              : []),
          `-d ${quote(description)}`,
        ].join(' '),
      ),
    ]
  })
  return `${[
    `# fish completion for ${name}; load it with: ${name} completion fish | source`,
    `function __${name}_at`,
    `  set -l place ''`,
    `  for word in (commandline -opc)[2..]`,
    `    switch "$place/$word"`,
    ...steps(nodes).flatMap(({ pattern, place }) => [
      `      case ${quote(pattern)}`,
      `        set place ${quote(place)}`,
    ]),
    `    end`,
    `  end`,
    `  test "$place" = "$argv[1]"`,
    `end`,
    ...lines,
  ].join('\n')}\n`
}
