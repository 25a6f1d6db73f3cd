import type { Command } from 'commander'

/** The commands about one device of the person; made once. */
export const deviceGroup = (program: Command): Command =>
  program.commands.find(command => command.name() === 'device') ??
  program.command('device').description('this device, and your others')
