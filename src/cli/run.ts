import type { Command } from 'commander'
import { CommanderError } from 'commander'
import type { MuttrError } from '../base/errors.ts'
import { asMuttrError, failureOf } from '../base/failure.ts'
import { hasColours, OutputClosed } from './output.ts'
import { createProgram } from './program.ts'
import type { CliParts } from './session.ts'
import { createStyle, json, line } from './text.ts'
import { usage } from './units.ts'

const statuses = { usage: 1, refused: 2, network: 3, internal: 4 } as const

/**
 * Runs one command line. Never throws: results go to stdout, an error in one piece to stderr.
 * @param argv what stands after `muttr`
 * @returns the exit status: 0 done, 1 usage, 2 refused or not found, 3 network or timeout, 4 internal
 */
export async function runCli(argv: readonly string[], parts: CliParts): Promise<number> {
  let status = 0
  // A broken pipe is met where something is written; without a listener it would end the process first.
  for (const stream of [parts.stdout, parts.stderr]) stream.on('error', () => {})
  const program = createProgram({ ...parts, ended: given => (status = given) })
  let refused = program
  for (const command of allCommands(program))
    command.helpCommand(false).exitOverride(err => {
      refused = command
      throw err
    })
  try {
    await program.parseAsync(helpLast(argv), { from: 'user' })
    return status
  } catch (err) {
    if (err instanceof OutputClosed || (err instanceof CommanderError && err.exitCode === 0))
      return 0
    const known = asMuttrError(err instanceof CommanderError ? usageError(err, refused) : err)
    const asJson = wantsJson(argv)
    if (isIncomplete(err) && !asJson) parts.stderr.write(`${refused.helpInformation()}\n`)
    report(known, { ...parts, asJson })
    return statuses[known.kind]
  }
}

const allCommands = (command: Command): Command[] => [
  command,
  ...command.commands.flatMap(allCommands)
]

/** A command that only groups others, called alone: people want to see those. */
const isIncomplete = (err: unknown): boolean =>
  err instanceof CommanderError && err.code === 'commander.help'

/** Commander's words without its prefix, with how the command is used. */
function usageError({ message, code }: CommanderError, command: Command): MuttrError {
  const name = fullName(command)
  const said = message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
  return usage(
    code === 'commander.help' ? 'a command is missing' : said,
    `Usage: ${name} ${command.usage()}; see \`${name} --help\`.`
  )
}

const fullName = (command: Command): string =>
  command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name()

function report(err: MuttrError, { stderr, env, asJson }: CliParts & { asJson: boolean }): void {
  if (asJson) {
    stderr.write(`${json({ error: failureOf(err) })}\n`)
    return
  }
  const style = createStyle(hasColours(stderr, env))
  const stack = env.MUTTR_DEBUG && err.cause instanceof Error ? `\n${err.cause.stack}` : ''
  stderr.write(
    `${style.bad('muttr:')} ${line(err.message)}\n${style.dim(line(err.hint))}${stack}\n`
  )
}

/** Looked up by hand, because a line that cannot be parsed must be refused in the right form too. */
const wantsJson = (argv: readonly string[]): boolean => beforeDashes(argv).includes('--json')

const beforeDashes = (argv: readonly string[]): readonly string[] =>
  argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv

/** `muttr --help send` and `muttr help send` mean `muttr send --help`. */
function helpLast(argv: readonly string[]): string[] {
  const said = beforeDashes(argv)
  if (said[0] === 'help') return [...said.slice(1), '--help']
  if (!said.includes('--help')) return [...argv]
  return [...said.filter(word => word !== '--help'), '--help']
}
