import type { Command } from 'commander'
import { limits } from '../../base/limits.ts'
import type { Client } from '../../client/client.ts'
import { isSplitView } from '../../wire/split-view.ts'
import { example } from '../example.ts'
import { listMax, wholeId } from '../ids.ts'
import { readInput } from '../input.ts'
import { sentText } from '../letters.ts'
import type { Action } from '../program.ts'
import { proofText } from '../proof.ts'
import { exportProof } from '../proof-file.ts'
import { retractionText, sentLetterText } from '../sent.ts'
import type { Session } from '../session.ts'
import { splitViewText } from '../split-view.ts'
import { parseCount, usage } from '../units.ts'

interface SentArgs {
  limit?: string
  proof?: boolean
  out?: string
}

export function addSent(program: Command, action: Action): void {
  program.commandsGroup('Letters:')
  example(
    program
      .command('sent')
      .description('letters from you, and how far each has come; with an id, one of them')
      .argument('[id]', 'ask the holders of this letter now; the beginning of its id is enough')
      .option('--limit <count>', 'at most so many')
      .option('--proof', 'all evidence of the letter as a file that others can check')
      .option('--out <file>', 'where the file goes; - is standard output')
      .action(action(sent)),
    'muttr sent',
    'muttr sent 3fa9c2d1 --proof --out lunch.proof'
  )
  example(
    program
      .command('retract')
      .description('take a letter back; once it was accepted, ask the reader to forget it')
      .argument('<id>', 'its id, or the beginning of it')
      .action(action(retract)),
    'muttr retract 3fa9c2d1'
  )
  example(
    program
      .command('resend')
      .description('let a letter go that was held back after a restore')
      .argument('<id>', 'its id, or the beginning of it')
      .action(action(resend)),
    'muttr resend 3fa9c2d1'
  )
  const proof = program
    .command('proof')
    .description('evidence, from anybody: of a letter, or against a pod')
  example(
    proof
      .command('verify')
      .description('check a proof and say what it proves, with no network and no home')
      .argument(
        '<file>',
        'what `muttr sent ID --proof` or `muttr alarms ALIAS --proof` wrote; - is standard input'
      )
      .action(action(verify)),
    'muttr proof verify lunch.proof'
  )
  example(proof, 'muttr proof verify lunch.proof')
}

const ownId = (client: Client, start: string): Promise<string> =>
  wholeId(start, () => client.sent({ limit: listMax }))

async function sent(session: Session, options: SentArgs, id: string | undefined): Promise<void> {
  const { out, signal } = session
  if (id === undefined) return listSent(session, options)
  if (options.limit !== undefined) throw usage('--limit is for the list, not for one letter')
  if (options.proof)
    return exportProof(session, options.out ?? '-', async client => {
      const whole = await ownId(client, id)
      return { of: { id: whole }, proof: await client.proof(whole) }
    })
  if (options.out !== undefined) throw usage('--out goes with --proof')
  await session.withClient(async client => {
    const letter = await client.sentLetter(await ownId(client, id), { signal })
    await out.result(letter, o => sentLetterText(o, letter))
  })
}

async function listSent({ out, withClient }: Session, options: SentArgs): Promise<void> {
  if (options.proof || options.out !== undefined) throw usage('a proof is of one letter: name it')
  const wanted = options.limit === undefined ? {} : { limit: parseCount(options.limit, 1, listMax) }
  await withClient(async client => {
    const letters = await client.sent(wanted)
    await out.results(letters, o => sentText(o, letters))
  })
}

async function resend(session: Session, _: object, id: string): Promise<void> {
  const { out } = session
  await session.withClient(async client => {
    const letter = await client.resend(await ownId(client, id))
    await out.result(letter, o => sentLetterText(o, letter))
  })
}

async function retract(session: Session, _: object, id: string): Promise<void> {
  const { out, signal } = session
  await session.withClient(async client => {
    const retraction = await client.retract(await ownId(client, id), { signal })
    await out.result(retraction, o => retractionText(o, retraction))
  })
}

async function verify({ out, stdin, signal }: Session, _: object, file: string): Promise<void> {
  const maxBytes = Math.max(limits.proofBytesMax, limits.splitViewBytesMax)
  const bytes = await readInput(file, stdin, { maxBytes, code: 'WIRE_TOO_LARGE', signal })
  // Loaded here: OpenPGP takes a while, and most commands do without it.
  if (isSplitView(bytes)) {
    const { verifySplitView } = await import('../../client/verify-split-view.ts')
    const split = await verifySplitView(bytes, out.nowMs)
    return out.result(split, o => splitViewText(o, split))
  }
  const { verifyProof } = await import('../../client/verify-proof.ts')
  const proof = await verifyProof(bytes, out.nowMs)
  await out.result(proof, o => proofText(o, proof))
}
