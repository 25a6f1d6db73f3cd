import { Command, Option } from 'commander'
import { addAddresses } from './commands/addresses.ts'
import { addAttachments } from './commands/attachments.ts'
import { addBackup } from './commands/backup.ts'
import { addBlob } from './commands/blob.ts'
import { addCrawl } from './commands/crawl.ts'
import { addDevices } from './commands/devices.ts'
import { addHome } from './commands/home.ts'
import { addHooks } from './commands/hooks.ts'
import { addInvite } from './commands/invite.ts'
import { addKey } from './commands/key.ts'
import { addLetters } from './commands/letters.ts'
import { addLinking } from './commands/linking.ts'
import { addMailbox } from './commands/mailbox.ts'
import { addNet } from './commands/net.ts'
import { addPeople } from './commands/people.ts'
import { addPod } from './commands/pod.ts'
import { addReport } from './commands/report.ts'
import { addRequests } from './commands/requests.ts'
import { addSent } from './commands/sent.ts'
import { addShell } from './commands/shell.ts'
import { addSim } from './commands/sim.ts'
import { addStatus } from './commands/status.ts'
import { example } from './example.ts'
import { hasColours } from './output.ts'
import { type CliParts, type CommonOptions, createSession, type Session } from './session.ts'
import { createStyle } from './text.ts'
import { usage } from './units.ts'

/** What a command does. When it resolves to a number, that is the exit status; else the status is 0. */
type Act<Options> = (session: Session, options: Options, ...args: never[]) => Promise<unknown>

/** Makes of an {@link Act} what commander calls. */
export type Action = <Options>(act: Act<Options>) => (...given: unknown[]) => Promise<void>

interface ProgramParts extends CliParts {
  /** Told how the command ended. */
  ended: (status: number) => void
}

/** All commands of `muttr`. Commander's own errors are thrown, and nothing is printed but help. */
export function createProgram(parts: ProgramParts): Command {
  const { stdout, env, version, ended } = parts
  const style = createStyle(true)
  const program = new Command('muttr')
    .description('Sealed letters that no server keeps and nobody else can read.')
    .version(version, '--version', 'print the version')
    .helpOption('--help', 'show this help')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true, styleTitle: text => style.bold(text) })
    .configureOutput({
      writeOut: text => stdout.write(text),
      writeErr: () => {},
      getOutHasColors: () => hasColours(stdout, env),
      getOutHelpWidth: () => stdout.columns ?? 100
    })
    .exitOverride()
    .showSuggestionAfterError()
  for (const option of commonOptions()) program.addOption(option)
  const action: Action =
    act =>
    async (...given) => {
      const options = (given.at(-1) as Command).optsWithGlobals<CommonOptions>()
      if (!options.passphrase && options.passphraseFile !== undefined)
        throw usage('--no-passphrase and --passphrase-file exclude each other')
      const args = given.slice(0, -2) as never[]
      const status = await act(createSession(parts, options), options as never, ...args)
      ended(typeof status === 'number' ? status : 0)
    }
  for (const add of [
    addHome,
    addBackup,
    addLinking,
    addLetters,
    addMailbox,
    addRequests,
    addHooks,
    addShell,
    addAttachments,
    addSent,
    addPeople,
    addInvite,
    addReport,
    addKey,
    addAddresses,
    addDevices,
    addPod,
    addStatus,
    addBlob,
    addNet,
    addSim,
    addCrawl
  ])
    add(program, action)
  example(program, 'muttr net up --story', 'muttr send --help')
  return program
}

const commonOptions = (): Option[] => [
  new Option('--home <dir>', 'folder of your node (or MUTTR_HOME; default: ~/.muttr)'),
  new Option('--json', 'results as JSON, an object per line; errors too'),
  new Option('--passphrase-file <file>', 'read the passphrase from a file (or MUTTR_PASSPHRASE)'),
  new Option('--no-passphrase', 'the key has no passphrase')
]
