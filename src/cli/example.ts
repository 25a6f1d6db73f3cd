import type { Command } from 'commander'

const examples = new WeakMap<Command, readonly string[]>()

/** Ends a command's help with how it is used. */
export function example(command: Command, ...lines: string[]): Command {
  examples.set(command, lines)
  return command.addHelpText(
    'after',
    `\n${lines.length > 1 ? 'Examples' : 'Example'}:\n${lines.map(line => `  $ ${line}`).join('\n')}`
  )
}

export const examplesOf = (command: Command): readonly string[] => examples.get(command) ?? []
