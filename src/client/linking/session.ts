import { toHex } from '../../base/bytes.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Log, Millis, Network, PeerId, Random, Session } from '../../base/ports.ts'
import type { LinkTerms } from '../../keys/linking.ts'
import { linkStreamSecret, provesLink } from '../../keys/linking.ts'
import { sealStream } from '../../keys/sealed-stream.ts'
import {
  codeAddressesMax,
  decodeKnock,
  decodeLinkWord,
  encodeChallenge,
  encodeLinkPart,
  encodeLinkWord,
  linkMethods,
  linkNonceBytes,
  linkPartBytesMax,
  linkProtocol,
  linkSecretBytes,
  makeLinkCode
} from '../../wire/link.ts'
import type { DeviceCard } from '../../wire/sync.ts'
import { inParts } from './parts.ts'
import { Steps } from './steps.ts'

/** A device as it shows itself to people. */
interface LinkedDevice {
  /** Its key, hex. */
  device: string
  name: string
  peer: PeerId
  sinceMs: Millis
}

/** What happens while a device is linked. */
export type LinkStep =
  /** To be shown to the new device, and to nobody else: who has it gets everything. */
  | { type: 'code'; code: string; untilMs: Millis }
  /** Somebody came who does not have the code; so many more may. */
  | { type: 'refused'; left: number }
  | ({ type: 'came' } & LinkedDevice)
  /** Given so far. */
  | { type: 'sent'; rows: number; bytes: number }
  /** It has everything, and is one of the person's devices. */
  | ({ type: 'linked' } & LinkedDevice)

/** Takes a device into the person's list, and tells the others. */
type Linked = (card: DeviceCard) => Promise<void>

export interface LinkingParts {
  network: Pick<Network, 'self' | 'accept'>
  /** Where other machines can dial this one, best first; none in client mode. */
  addresses: () => readonly string[]
  /** What goes along, as it is when it is read. @throws {MuttrError} `VAULT_LOCKED`, `USAGE` where a pod runs */
  goods(options: {
    history: boolean
    onRows: (rows: number) => void
  }): Promise<AsyncIterable<Uint8Array>>
  /** From now until the end, what happens here is kept for the device that is to come. */
  expect(): AsyncDisposable
  linked: Linked
  clock: Clock
  random: Random
  log: Log
  /** The node stops. */
  life: AbortSignal
}

export interface LinkOptions {
  /** With letters and drafts; both devices must want it. */
  history?: boolean
  signal?: AbortSignal
}

/** The side of a device that is there: lets one new device in for each code. Source: docs/protocol/link.md */
export class Linking {
  readonly #parts: LinkingParts
  #open: OpenLink | undefined

  constructor(parts: LinkingParts) {
    this.#parts = parts
    parts.network.accept(linkProtocol, session => {
      if (this.#open) this.#open.meet(session)
      else sendAway(session)
    })
  }

  /**
   * Waits for one device, until `signal` aborts or nobody reads on.
   * @throws {MuttrError} `VAULT_LOCKED`, `PEER_UNREACHABLE` where nobody can dial this node, `LIMIT_EXCEEDED` while another is linked;
   *   while it is read `LINK_REFUSED` after three wrong proofs, `PEER_TIMEOUT`, `PEER_CLOSED` when the device went away, `CANCELLED`
   */
  async open({ history = true, signal }: LinkOptions = {}): Promise<AsyncIterable<LinkStep>> {
    if (this.#open) throw busy()
    const { addresses: all, goods, expect, life } = this.#parts
    const addresses = all().slice(0, codeAddressesMax)
    if (addresses.length === 0)
      throw new MuttrError('PEER_UNREACHABLE', 'no other machine can dial this node', dialHint)
    // What cannot be given is told of now, and not when somebody has come.
    await goods({ history, onRows: () => undefined })
    if (this.#open) throw busy()
    const open = new OpenLink(this.#parts, { history, addresses })
    this.#open = open
    const expected = expect()
    void open.ended.then(async () => {
      this.#open = undefined
      await expected[Symbol.asyncDispose]()
    })
    const over = signal ? AbortSignal.any([signal, life]) : life
    const stop = () => open.end(new MuttrError('CANCELLED', 'no device was linked'))
    over.addEventListener('abort', stop, { once: true })
    if (over.aborted) stop()
    void open.ended.then(() => over.removeEventListener('abort', stop))
    return open.steps
  }
}

const busy = () =>
  new MuttrError('LIMIT_EXCEEDED', 'a device is being linked already', {
    hint: 'End that first, with Ctrl-C or in the page where it was begun.'
  })
const dialHint = { hint: 'A device is linked to a running node: start it with `muttr up`.' }
const lateHint = { hint: 'Begin again with `muttr device link`, which makes a new code.' }
const againHint = {
  hint: 'If the new device says that it is linked, it shows itself when it runs; else begin again with a new code.'
}

const notWaiting = () => new MuttrError('LINK_REFUSED', 'no device is waited for')

/** Nobody is waited for: nothing of what comes is read, let alone computed. */
function sendAway(session: Session): void {
  session.serve(async () => {
    throw notWaiting()
  })
  void session[Symbol.asyncDispose]()
}

/** A peer that has come. */
interface Visitor {
  readonly session: Session
  nonce: Uint8Array | undefined
  /** Ends its patience. */
  timer: Disposable
}

/** One code, from when it is shown until somebody was linked by it or nobody can be any more. */
class OpenLink {
  readonly #parts: LinkingParts
  readonly #secret: Uint8Array
  readonly #history: boolean
  readonly #visitors = new Set<Visitor>()
  readonly #life: Disposable
  readonly #ended = Promise.withResolvers<void>()
  /** Resolves when the code is good for nothing any more. */
  readonly ended = this.#ended.promise
  readonly steps = new Steps<LinkStep>(() => this.end(new MuttrError('CANCELLED', 'given up')))
  #left: number = limits.linkTriesMax
  #over = false
  #guest: { visitor: Visitor; card: DeviceCard; parts: ReturnType<typeof inParts> } | undefined
  #given = false

  constructor(
    parts: LinkingParts,
    { history, addresses }: { history: boolean; addresses: readonly string[] }
  ) {
    const { clock, random, network } = parts
    this.#parts = parts
    this.#history = history
    this.#secret = random.bytes(linkSecretBytes)
    const at = { peer: network.self, addresses }
    const code = makeLinkCode({ at, secret: this.#secret })
    this.#life = clock.after(limits.linkCodeMs, () =>
      this.end(new MuttrError('PEER_TIMEOUT', 'no device came in ten minutes', lateHint))
    )
    this.steps.push({ type: 'code', code, untilMs: clock.now() + limits.linkCodeMs })
  }

  meet(session: Session): void {
    if (this.#guest || this.#over) {
      sendAway(session)
      return
    }
    if (this.#visitors.size >= limits.linkVisitorsMax)
      this.#dismiss(this.#visitors.values().next().value!)
    const timer = this.#parts.clock.after(limits.linkProveMs, () => this.#dismiss(visitor))
    const visitor: Visitor = { session, nonce: undefined, timer }
    this.#visitors.add(visitor)
    session.serve((method, payload) => this.#answer(visitor, method, payload))
    void session.closed.then(() => this.#gone(visitor))
  }

  #dismiss(visitor: Visitor): void {
    visitor.timer[Symbol.dispose]()
    this.#visitors.delete(visitor)
    void visitor.session[Symbol.asyncDispose]()
  }

  #gone(visitor: Visitor): void {
    visitor.timer[Symbol.dispose]()
    this.#visitors.delete(visitor)
    if (this.#guest?.visitor === visitor)
      this.end(new MuttrError('PEER_CLOSED', 'the new device went before it was ready', againHint))
  }

  async #answer(visitor: Visitor, method: string, payload: Uint8Array): Promise<Uint8Array> {
    if (this.#over) throw notWaiting()
    try {
      if (method === linkMethods.hello) return this.#hello(visitor, payload)
      if (method === linkMethods.prove) return await this.#prove(visitor, payload)
      if (method === linkMethods.next) return await this.#next(visitor, payload)
      if (method === linkMethods.done) return await this.#done(visitor, payload)
      throw new MuttrError('METHOD_UNKNOWN', 'not a request of /muttr/link/1')
    } catch (err) {
      // A new device says nothing out of place: whoever does is no such one, or has one try.
      if (this.#guest?.visitor !== visitor) this.#dismiss(visitor)
      else this.end(err instanceof MuttrError ? err : new MuttrError('INTERNAL', `${err}`))
      throw err
    }
  }

  #hello(visitor: Visitor, payload: Uint8Array): Uint8Array {
    decodeLinkWord(payload)
    if (visitor.nonce) throw new MuttrError('WIRE_MALFORMED', 'a second hello')
    visitor.nonce = this.#parts.random.bytes(linkNonceBytes)
    return encodeChallenge(visitor.nonce)
  }

  async #prove(visitor: Visitor, payload: Uint8Array): Promise<Uint8Array> {
    const knock = decodeKnock(payload)
    const { nonce, session } = visitor
    if (!nonce || this.#guest) throw new MuttrError('WIRE_MALFORMED', 'a proof of nothing')
    const terms = { secret: this.#secret, nonce, host: this.#parts.network.self }
    if (knock.card.peer !== session.peer || !provesLink(knock, terms)) this.#refuse()
    this.#life[Symbol.dispose]()
    const { card } = knock
    this.#guest = { visitor, card, parts: this.#stream(terms, this.#history && knock.history) }
    for (const other of this.#visitors) if (other !== visitor) this.#dismiss(other)
    this.#patience(visitor)
    this.steps.push({ type: 'came', ...shown(card) })
    return encodeLinkWord()
  }

  #refuse(): never {
    this.#left -= 1
    this.steps.push({ type: 'refused', left: this.#left })
    this.#parts.log.info('somebody came to be linked with a wrong code', { left: this.#left })
    if (this.#left === 0)
      this.end(new MuttrError('LINK_REFUSED', 'three came with a wrong code', triesHint))
    throw new MuttrError('LINK_REFUSED', 'the code is not of this device, or was used')
  }

  #stream(terms: LinkTerms, history: boolean): ReturnType<typeof inParts> {
    const { goods, random } = this.#parts
    let rows = 0
    let bytes = 0
    const onRows = (count: number) => {
      rows = count
    }
    async function* plain() {
      yield* await goods({ history, onRows })
    }
    const sealed = sealStream(linkStreamSecret(terms), plain(), random, 'link')
    return inParts(sealed, linkPartBytesMax, sizeBytes => {
      bytes += sizeBytes
      this.steps.replace({ type: 'sent', rows, bytes })
    })
  }

  #mustBeGuest(visitor: Visitor) {
    if (this.#guest?.visitor !== visitor)
      throw new MuttrError('LINK_REFUSED', 'nothing was proved here')
    this.#patience(visitor)
    return this.#guest
  }

  #patience(visitor: Visitor): void {
    visitor.timer[Symbol.dispose]()
    visitor.timer = this.#parts.clock.after(limits.linkPatienceMs, () =>
      this.end(new MuttrError('PEER_TIMEOUT', 'the new device says nothing', againHint))
    )
  }

  async #next(visitor: Visitor, payload: Uint8Array): Promise<Uint8Array> {
    const { parts } = this.#mustBeGuest(visitor)
    decodeLinkWord(payload)
    const { done, value } = await parts.next()
    if (done) throw new MuttrError('WIRE_MALFORMED', 'there is no more')
    this.#given = value.last
    return encodeLinkPart(value)
  }

  async #done(visitor: Visitor, payload: Uint8Array): Promise<Uint8Array> {
    const { card } = this.#mustBeGuest(visitor)
    decodeLinkWord(payload)
    if (!this.#given) throw new MuttrError('WIRE_MALFORMED', 'done before all was there')
    await this.#parts.linked(card)
    this.steps.push({ type: 'linked', ...shown(card) })
    this.end()
    return encodeLinkWord()
  }

  /** Nobody can come by this code any more. */
  end(why?: MuttrError): void {
    if (this.#over) return
    this.#over = true
    this.#life[Symbol.dispose]()
    // What is being answered leaves first.
    for (const visitor of this.#visitors) this.#dismiss(visitor)
    void this.#guest?.parts
      .return(undefined)
      .catch(err => this.#parts.log.debug('not all was given', { code: codeOf(err) }))
    this.steps.end(why)
    this.#ended.resolve()
  }
}

const triesHint = {
  hint: 'Somebody else may be trying. Begin again, and show the code to nobody but the new device.'
}

const shown = ({ deviceKey, name, peer, sinceMs }: DeviceCard): LinkedDevice => ({
  device: toHex(deviceKey),
  ...{ name, peer, sinceMs }
})
