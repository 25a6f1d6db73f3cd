import type { Millis } from '../../base/ports.ts'
import type { OptionShape, Shape } from './shape.ts'

export interface ManParts {
  program: Shape
  /** Options of every command. */
  common: readonly OptionShape[]
  version: string
  /** Of the page. */
  dateMs: Millis
}

const environment: readonly (readonly [string, string])[] = [
  ['MUTTR_HOME', 'The folder of your node, where --home does not name one.'],
  ['MUTTR_PASSPHRASE', 'The passphrase, where --passphrase-file does not give it.'],
  [
    'MUTTR_PAGER, PAGER',
    'What shows a text that is taller than the screen; cat or nothing for none.'
  ],
  ['NO_COLOR', 'No colours, whatever it says.'],
  ['MUTTR_DEBUG', 'Adds the stack to an internal error.']
]
const files: readonly (readonly [string, string])[] = [
  [
    '~/.muttr',
    'Key, settings, letters and what is stored for others, unless --home says otherwise.'
  ],
  ['~/.muttr/muttr.json', 'Settings.'],
  ['~/.muttr/api.json', 'Where the running node answers, and its token.']
]
const statuses: readonly (readonly [string, string])[] = [
  ['0', 'Done. Also a letter that waits in the outbox.'],
  ['1', 'The command was not understood, or a file of ours is wrong.'],
  ['2', 'Refused, or not found.'],
  ['3', 'The network or a node did not answer in time, or Ctrl-C.'],
  ['4', 'A mistake of ours.']
]

/** The manual page, in roff with the macros of man(7). */
export function manPage({ program, common, version, dateMs }: ManParts): string {
  const date = new Date(dateMs).toISOString().slice(0, 10)
  const groups = [...new Set(program.commands.map(({ group }) => group))]
  const lines = [
    `.TH MUTTR 1 ${date} "muttr ${version}" "User Commands"`,
    '.SH NAME',
    'muttr \\- sealed letters over a network of seeds',
    '.SH SYNOPSIS',
    `.B muttr`,
    '.I command',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    words(program.description),
    '.SH COMMANDS',
    ...groups.flatMap(group => [
      `.SS ${words(group.replace(/:$/, '') || 'Others')}`,
      ...program.commands.filter(command => command.group === group).flatMap(commandLines)
    ]),
    '.SH OPTIONS',
    'Of every command:',
    ...common.flatMap(optionLines),
    ...listed('ENVIRONMENT', environment),
    ...listed('FILES', files),
    ...listed('EXIT STATUS', statuses),
    '.SH EXAMPLES',
    ...program.examples.flatMap(exampleLines),
    '.SH SEE ALSO',
    '.BR gpg (1)'
  ]
  return `${lines.join('\n')}\n`
}

/** A command, or those that it groups. */
function commandLines(shape: Shape): string[] {
  const options = shape.options.filter(({ name }) => name !== '--help')
  const own = [
    '.TP',
    `.B ${words(shape.usage.replace(/ \[options\]/, ''))}`,
    `${words(sentence(shape.description))}`,
    ...(options.length > 0 ? ['.RS', ...options.flatMap(optionLines), '.RE'] : [])
  ]
  const grouped = shape.commands.flatMap(commandLines)
  return [...own, ...grouped]
}

const optionLines = ({ flags, description }: OptionShape): string[] => [
  '.TP',
  `.B ${words(flags)}`,
  words(sentence(description))
]

const listed = (title: string, entries: readonly (readonly [string, string])[]): string[] => [
  `.SH ${words(title)}`,
  ...entries.flatMap(([name, text]) => ['.TP', `.B ${words(name)}`, words(text)])
]

const exampleLines = (line: string): string[] => ['.PP', '.EX', words(line), '.EE']

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? '' : '.'}`

/** Text that roff takes for text: nothing in it is a request, an escape, a hyphen where a minus is meant, or the end of a line. */
function words(text: string): string {
  const plain = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('"', '\\(dq')
    .replaceAll(/\s+/g, ' ')
  return /^[.']/.test(plain) ? `\\&${plain}` : plain
}
