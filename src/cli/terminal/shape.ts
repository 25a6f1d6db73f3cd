import type { Argument, Command, Option } from 'commander'
import { examplesOf } from '../example.ts'

/** What a value names, so far as a shell can offer it. */
type Value = { kind: 'file' | 'folder' | 'other' } | { kind: 'choice'; choices: readonly string[] }

export interface OptionShape {
  /** `--home` */
  readonly name: string
  /** As in help: `--home <dir>`. */
  readonly flags: string
  readonly description: string
  /** Null for a switch. */
  readonly value: Value | null
}

/** One command as help, completion and manual page tell it. */
export interface Shape {
  /** `muttr`, `key`, `rotate` */
  readonly path: readonly string[]
  readonly usage: string
  readonly description: string
  /** Under which heading of the help of its parent it stands. */
  readonly group: string
  readonly arguments: readonly { name: string; description: string; value: Value }[]
  readonly options: readonly OptionShape[]
  readonly commands: readonly Shape[]
  readonly examples: readonly string[]
}

/** What `--help` shows of a program, and no more. */
export function shapeOf(command: Command, before: readonly string[] = []): Shape {
  const path = [...before, command.name()]
  const help = command.createHelp()
  return {
    path,
    usage: `${path.join(' ')} ${command.usage()}`,
    description: command.description(),
    group: command.helpGroup() ?? '',
    arguments: command.registeredArguments.map(argument => ({
      name: argument.name(),
      description: argument.description,
      value: kindOf(argument)
    })),
    options: help.visibleOptions(command).map(optionOf),
    commands: help.visibleCommands(command).map(sub => shapeOf(sub, path)),
    examples: examplesOf(command)
  }
}

const optionOf = (option: Option): OptionShape => ({
  name: option.long ?? option.flags,
  flags: option.flags,
  description: option.description,
  value: option.required || option.optional ? kindOf(option) : null
})

function kindOf(given: Argument | Option): Value {
  const { argChoices } = given
  if (argChoices) return { kind: 'choice', choices: argChoices }
  const name = 'flags' in given ? given.flags : given.name()
  if (/\b(dir|folder)\b/.test(name)) return { kind: 'folder' }
  return { kind: /\b(files?|program)\b/.test(name) ? 'file' : 'other' }
}

/** A program and all commands in it. */
export const allShapes = (shape: Shape): Shape[] => [shape, ...shape.commands.flatMap(allShapes)]
