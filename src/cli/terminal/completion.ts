import type { OptionShape, Shape } from './shape.ts'
import { allShapes } from './shape.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** A script that completes commands, options, choices, files and folders. It asks no node and opens no home. */
export function completionScript(
  shell: Shell,
  program: Shape,
  common: readonly OptionShape[]
): string {
  const commands = allShapes(program).map(shape => ({
    path: shape.path.join(' '),
    commands: shape.commands,
    options: [...shape.options, ...common.filter(({ name }) => !has(shape, name))],
    wants: wantsOf(shape)
  }))
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](commands)
}

interface Completed {
  /** `muttr key rotate` */
  readonly path: string
  readonly commands: readonly Shape[]
  readonly options: readonly OptionShape[]
  /** What its arguments are. */
  readonly wants: { files: boolean; words: readonly string[] }
}

const has = (shape: Shape, name: string) => shape.options.some(option => option.name === name)

function wantsOf(shape: Shape): Completed['wants'] {
  const values = shape.arguments.map(({ value }) => value)
  return {
    files: values.some(({ kind }) => kind === 'file' || kind === 'folder'),
    words: values.flatMap(value => (value.kind === 'choice' ? value.choices : []))
  }
}

/** In single quotes, as all three shells read them; `'` itself is left out of what we say. */
const quoted = (text: string): string => `'${text.replaceAll("'", '’').replaceAll('\\', '')}'`
const namesOf = (shapes: readonly Shape[]) => shapes.map(({ path }) => path.at(-1)!)
const onlyGroups = (commands: readonly Completed[]) =>
  commands.filter(({ commands }) => commands.length > 0)
const pathsBelow = (commands: readonly Completed[]): string =>
  onlyGroups(commands)
    .flatMap(({ path, commands }) => namesOf(commands).map(name => `"${path} ${name}"`))
    .join('|')

/** `"muttr init --import"|…`: the options, each behind its command, whose value is of a kind. */
const optionsOf = (commands: readonly Completed[], kind: string): string =>
  commands
    .flatMap(({ path, options }) =>
      options.flatMap(({ name, value }) => (value?.kind === kind ? [`"${path} ${name}"`] : []))
    )
    .join('|')

/** The same, for each that has choices. */
const choicesOf = (commands: readonly Completed[]) =>
  commands.flatMap(({ path, options }) =>
    options.flatMap(({ name, value }) =>
      value?.kind === 'choice' ? [{ at: `"${path} ${name}"`, words: value.choices.join(' ') }] : []
    )
  )

function bashScript(commands: readonly Completed[]): string {
  const cases = commands.map(({ path, options, wants, ...below }) => {
    const words = [...namesOf(below.commands), ...wants.words].join(' ')
    const flags = options.map(({ name }) => name).join(' ')
    return `    ${quoted(path)}) words=${quoted(words)} flags=${quoted(flags)} files=${wants.files ? 1 : 0} ;;`
  })
  const choices = choicesOf(commands).map(
    ({ at, words }) => `    ${at}) COMPREPLY=($(compgen -W ${quoted(words)} -- "$cur")); return ;;`
  )
  return `# Completion of muttr for bash. Made by: muttr completion bash
_muttr_names() {
  local IFS=$'\\n'
  compopt -o filenames
  COMPREPLY+=($(compgen "$1" -- "$cur"))
}
_muttr() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path=muttr i
  local words= flags= files=0
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ \${COMP_WORDS[i]} == -- ]]; then
      _muttr_names -f
      return
    fi
    case "$path \${COMP_WORDS[i]}" in
    ${pathsBelow(commands)}) path="$path \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path $prev" in
    ${optionsOf(commands, 'file')}) _muttr_names -f; return ;;
    ${optionsOf(commands, 'folder')}) _muttr_names -d; return ;;
    ${optionsOf(commands, 'other')}) return ;;
${choices.join('\n')}
  esac
  case "$path" in
${cases.join('\n')}
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
    return
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  if ((files)); then _muttr_names -f; fi
}
complete -F _muttr muttr
`
}

/** A name and what it is for, as zsh's `_describe` takes them. */
const described = (name: string, description: string): string =>
  quoted(`${name.replaceAll(':', '\\:')}:${description.replaceAll(':', ',')}`)

function zshScript(commands: readonly Completed[]): string {
  const cases = commands.map(({ path, options, wants, ...below }) => {
    const words = [
      ...below.commands.map(sub => described(sub.path.at(-1)!, sub.description)),
      ...wants.words.map(word => described(word, word))
    ]
    const flags = options.map(({ name, description }) => described(name, description))
    return `    ${quoted(path)}) words_=(${words.join(' ')}) flags=(${flags.join(' ')}) files=${wants.files ? 1 : 0} ;;`
  })
  const choices = choicesOf(commands).map(
    ({ at, words }) => `    ${at}) compadd -- ${words}; return ;;`
  )
  return `#compdef muttr
# Completion of muttr for zsh. Made by: muttr completion zsh
_muttr() {
  local at=muttr files=0 i
  local -a words_ flags
  for ((i = 2; i < CURRENT; i++)); do
    if [[ \${words[i]} == -- ]]; then
      _files
      return
    fi
    case "$at \${words[i]}" in
    ${pathsBelow(commands)}) at="$at \${words[i]}" ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
    ${optionsOf(commands, 'file')}) _files; return ;;
    ${optionsOf(commands, 'folder')}) _files -/; return ;;
    ${optionsOf(commands, 'other')}) return ;;
${choices.join('\n')}
  esac
  case "$at" in
${cases.join('\n')}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    _describe -o 'option' flags
    return
  fi
  (($#words_)) && _describe 'command' words_
  ((files)) && _files
}
if [[ $funcstack[1] == _muttr ]]; then
  _muttr "$@"
else
  compdef _muttr muttr
fi
`
}

function fishScript(commands: readonly Completed[]): string {
  const lines = commands.flatMap(({ path, options, wants, ...below }) => {
    const at = `complete -c muttr -n '__muttr_at "${path}"'`
    return [
      ...below.commands.map(sub => `${at} -a ${sub.path.at(-1)} -d ${quoted(sub.description)}`),
      ...wants.words.map(word => `${at} -a ${word}`),
      ...(wants.files ? [`${at} -F`] : []),
      ...options.map(({ name, description, value }) => {
        const takes =
          value === null ? '' : value.kind === 'file' || value.kind === 'folder' ? ' -rF' : ' -x'
        const choices = value?.kind === 'choice' ? ` -a ${quoted(value.choices.join(' '))}` : ''
        return `${at} -l ${name.slice(2)}${takes}${choices} -d ${quoted(description)}`
      })
    ]
  })
  return `# Completion of muttr for fish. Made by: muttr completion fish
function __muttr_at
  set -l path muttr
  for word in (commandline -opc)[2..-1]
    if contains -- "$path $word" ${pathsBelow(commands).replaceAll('|', ' ')}
      set path "$path $word"
    end
  end
  test "$path" = "$argv[1]"
end
complete -c muttr -f
${lines.join('\n')}
`
}
