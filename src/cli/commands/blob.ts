import type { Command } from 'commander'
import { limits } from '../../base/limits.ts'
import { example } from '../example.ts'
import { readInput } from '../input.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { withStampNews } from '../stamps.ts'
import { parseDuration, usage } from '../units.ts'

/** Also of `send`. */
export const viaHelp = 'a pod of yours to go through, so that holders do not see your address'

export function addBlob(program: Command, action: Action): void {
  program.commandsGroup('For operators:')
  const blob = program.command('blob').description('raw bytes in and out of the DHT')
  example(
    blob
      .command('put')
      .description('store up to 256 KiB as they are, and print their key')
      .argument('<file>', 'a file; - is standard input')
      .option('--expires <duration>', 'how long the network keeps them, as in 7d (default: 30d)')
      .option('--via <pod>', viaHelp)
      .action(action(put)),
    'head -c 1024 /dev/urandom | muttr blob put -'
  )
  example(
    blob
      .command('get')
      .description('print the bytes of a key')
      .argument('<key>', '64 digits from 0 to f')
      .option('--via <pod>', viaHelp)
      .action(action(get)),
    'muttr blob get 9c1f… > bytes'
  )
  example(blob, 'muttr blob put bytes', 'muttr blob get 9c1f… > bytes')
}

async function put(
  session: Session,
  { expires, via }: { expires?: string; via?: string },
  file: string
): Promise<void> {
  const { stdin, signal, out } = session
  const life = expires === undefined ? {} : { lifeMs: parseDuration(expires) }
  const bound = { maxBytes: limits.blobBytesMax, code: 'BLOB_TOO_LARGE', signal } as const
  const sealed = await readInput(file, stdin, bound)
  await session.withClient(async client => {
    const stored = await withStampNews(session, client, () =>
      client.putBlob(sealed, { ...life, ...through(via), signal })
    )
    await out.result(stored, () => stored.key)
    out.note(`${stored.copies} of ${stored.wanted} copies`)
  })
}

const through = (via: string | undefined) => (via === undefined ? {} : { via })

async function get(session: Session, { via }: { via?: string }, given: string): Promise<void> {
  const { out, signal } = session
  const key = given.toLowerCase()
  if (!/^[0-9a-f]{64}$/.test(key)) throw usage('a key has 64 digits from 0 to f')
  if (out.screen && !out.json)
    throw usage(
      'the bytes are not for a terminal',
      'Write them to a file: muttr blob get KEY > FILE'
    )
  await session.withClient(async client => {
    const sealed = await client.getBlob(key, { ...through(via), signal })
    if (!out.json) return await out.bytes(sealed)
    const base64 = Buffer.from(sealed).toString('base64')
    await out.result({ key, sizeBytes: sealed.byteLength, base64 }, () => '')
  })
}
