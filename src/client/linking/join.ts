import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Millis, Network, Session } from '../../base/ports.ts'
import { linkStreamSecret, proveLink } from '../../keys/linking.ts'
import { openStream } from '../../keys/sealed-stream.ts'
import type { LinkCode } from '../../wire/link.ts'
import {
  decodeChallenge,
  decodeLinkPart,
  decodeLinkWord,
  encodeKnock,
  encodeLinkWord,
  linkMethods,
  linkProtocol
} from '../../wire/link.ts'
import type { DeviceCard } from '../../wire/sync.ts'

export interface JoinParts {
  network: Pick<Network, 'open'>
  code: LinkCode
  /** Of this new device. */
  card: DeviceCard
  /** With letters and drafts. */
  history: boolean
  signal: AbortSignal
}

/** The side of a new device, let in by the other one. */
export interface LetIn extends AsyncDisposable {
  /** What the other device gives, opened: items of a backup. */
  readonly stream: AsyncIterable<Uint8Array>
  /** Tells it that all of that is on the disk. */
  done(): Promise<void>
}

const dialMs: Millis = 20_000
const answerMs: Millis = 60_000
const unreachable = {
  hint: 'Bring both devices into the same network and try again; or make a file with `muttr backup` there, and `muttr restore` it here.'
}
const again = {
  hint: 'Run `muttr device link` there again, and `muttr link` here with its new code.'
}

/**
 * Dials the device that shows the code, and proves to have it.
 * @throws {MuttrError} `PEER_UNREACHABLE`, `PEER_TIMEOUT`, `LINK_REFUSED`, `CANCELLED`
 */
export async function joinDevice(parts: JoinParts): Promise<LetIn> {
  const { network, code, card, history, signal } = parts
  await using stack = new AsyncDisposableStack()
  const how = { timeoutMs: dialMs, signal }
  const session: Session = stack.use(
    await network.open(code.at, linkProtocol, how).catch(cause => {
      if (codeOf(cause) === 'CANCELLED') throw cause
      const code = codeOf(cause) === 'PEER_TIMEOUT' ? 'PEER_TIMEOUT' : 'PEER_UNREACHABLE'
      throw new MuttrError(code, 'the other device cannot be dialled', { cause, ...unreachable })
    })
  )
  const ask = (method: string, payload = encodeLinkWord()) =>
    session.request(method, payload, { timeoutMs: answerMs, signal })
  const nonce = decodeChallenge(await ask(linkMethods.hello).catch(notWaiting))
  const terms = { secret: code.secret, nonce, host: code.at.peer }
  const said = { card, history }
  const proof = proveLink(said, terms)
  decodeLinkWord(await ask(linkMethods.prove, encodeKnock({ ...said, proof })).catch(notWaiting))

  /** One part ahead: it comes while the one before is written. */
  async function* sealed(): AsyncGenerator<Uint8Array> {
    const part = () => {
      const asked = ask(linkMethods.next)
      asked.catch(() => undefined) // thrown where it is awaited, if it still is
      return asked
    }
    for (let next = part(); ; ) {
      const answer = decodeLinkPart(await next.catch(cutOff))
      if (!answer.last) next = part()
      yield answer.part
      if (answer.last) return
    }
  }
  const all = stack.move()
  return {
    stream: openStream(linkStreamSecret(terms), sealed(), 'link'),
    async done() {
      decodeLinkWord(await ask(linkMethods.done))
    },
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }
}

/** Before anything was proved: a device that waits for nobody hangs up. */
function notWaiting(cause: unknown): never {
  const code = codeOf(cause)
  if (code === 'PEER_CLOSED' || code === 'LINK_REFUSED')
    throw new MuttrError(
      'LINK_REFUSED',
      'the other device does not wait for this code (any longer)',
      { cause, ...again }
    )
  throw cause
}

function cutOff(cause: unknown): never {
  const code = codeOf(cause) ?? 'PEER_CLOSED'
  if (code === 'CANCELLED') throw cause
  throw new MuttrError(code, `the other device stopped: ${(cause as Error).message}`, {
    cause,
    ...again
  })
}
