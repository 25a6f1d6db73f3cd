import type { Command } from 'commander'
import { Argument } from 'commander'
import { example } from '../example.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import type { Shell } from '../terminal/completion.ts'
import { completionScript, shells } from '../terminal/completion.ts'
import { manPage } from '../terminal/man.ts'
import type { OptionShape, Shape } from '../terminal/shape.ts'
import { shapeOf } from '../terminal/shape.ts'

export function addShell(program: Command, action: Action): void {
  program.commandsGroup('Scripts:')
  example(
    program
      .command('completion')
      .description('print a script with which your shell completes what you type')
      .addArgument(new Argument('<shell>').choices(shells))
      .action(
        action((session: Session, _: object, shell: Shell) => complete(session, program, shell))
      ),
    'muttr completion bash > ~/.local/share/bash-completion/completions/muttr',
    'muttr completion fish > ~/.config/fish/completions/muttr.fish'
  )
  program
    .command('man', { hidden: true })
    .description('print the manual page of all this')
    .action(action((session: Session) => man(session, program)))
}

/** The program without the options of every command, and these. */
function told(program: Command): { shape: Shape; common: readonly OptionShape[] } {
  const shape = shapeOf(program)
  return { shape, common: shape.options.filter(({ name }) => name !== '--version') }
}

function complete({ out }: Session, program: Command, shell: Shell): Promise<void> {
  const { shape, common } = told(program)
  return out.bytes(Buffer.from(completionScript(shell, shape, common)))
}

/** The date is that of the build, which can be told so that two builds are the same: https://reproducible-builds.org */
function man({ out, env }: Session, program: Command): Promise<void> {
  const { shape, common } = told(program)
  const epoch = env.SOURCE_DATE_EPOCH
  const dateMs = epoch === undefined ? out.nowMs : 1_000 * Number(epoch)
  const version = program.version() ?? ''
  return out.bytes(Buffer.from(manPage({ program: shape, common, version, dateMs })))
}
