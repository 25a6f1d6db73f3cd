import type { Readable } from 'node:stream'
import { MuttrError } from '../base/errors.ts'
import type { Passphrase, PassphraseFor } from './doors.ts'
import { type Keyboard, readText } from './input.ts'
import type { Terminal } from './output.ts'
import type { Prompts } from './prompts.ts'
import { usage } from './units.ts'

export interface PassphraseOptions {
  passphraseFile?: string | undefined
  /** False for `--no-passphrase`. */
  passphrase: boolean
}

interface PassphraseParts {
  options: PassphraseOptions
  env: NodeJS.ProcessEnv
  stdin: Keyboard
  /** Where the prompt is drawn, so that it never mixes with results. */
  stderr: Terminal
  signal: AbortSignal
  prompts: Prompts
}

const passphraseBytesMax = 4 * 1024

/** The option comes before the file, the file before the environment, the environment before the prompt. */
export function createPassphrase(parts: PassphraseParts): Passphrase {
  const { options, env, stdin, stderr, signal, prompts } = parts
  return async what => {
    // `--no-passphrase` is about our own vault; a key that GnuPG exported may be locked all the same.
    if (!options.passphrase && what !== 'imported-key') return null
    if (options.passphraseFile !== undefined) return fromFile(options.passphraseFile, stdin, signal)
    if (env.MUTTR_PASSPHRASE) return env.MUTTR_PASSPHRASE
    if (!stdin.isTTY || !stderr.isTTY) throw missing(what)
    const streams = { input: stdin, output: stderr, signal }
    return prompt(what, message => prompts.password(message, streams))
  }
}

/** The first line of a file, or of standard input for `-`. */
async function fromFile(name: string, stdin: Readable, signal: AbortSignal): Promise<string> {
  const bound = { maxBytes: passphraseBytesMax, code: 'USAGE', signal } as const
  const [first = ''] = (await readText(name, stdin, bound)).split(/\r?\n/)
  if (first === '') throw usage('the passphrase file begins with an empty line')
  return first
}

const messages: Record<PassphraseFor, string> = {
  'new-vault': 'A passphrase for your new key',
  vault: 'Your passphrase',
  'imported-key': 'The passphrase of the key to import'
}

async function prompt(
  what: PassphraseFor,
  ask: (message: string) => Promise<string | undefined>
): Promise<string> {
  const given = await ask(messages[what])
  if (given === undefined) throw new MuttrError('CANCELLED', 'no passphrase was given')
  if (given === '')
    throw new MuttrError('PASSPHRASE_MISSING', 'the passphrase is empty', {
      hint: 'Type one, or say --no-passphrase.'
    })
  if (what === 'new-vault' && (await ask('The same once more')) !== given)
    throw new MuttrError('PASSPHRASE_WRONG', 'the two passphrases differ')
  return given
}

const missing = (what: PassphraseFor): MuttrError =>
  new MuttrError(
    'PASSPHRASE_MISSING',
    'a passphrase is needed, and there is no terminal to ask at',
    {
      hint: `Give --passphrase-file FILE or MUTTR_PASSPHRASE${what === 'new-vault' ? ', or --no-passphrase' : ''}.`
    }
  )
