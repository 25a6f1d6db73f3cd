import type { Clock, Log } from '../../src/base/ports.ts'
import type { ChannelParts, Lane, LaneName } from '../../src/net/channel/channel.ts'
import { Channel } from '../../src/net/channel/channel.ts'
import type { Frame } from '../../src/wire/channel.ts'
import { decodeFrame, encodeFrame, FrameReader, packFrames } from '../../src/wire/channel.ts'

const quiet: Log = { debug() {}, info() {}, warn() {} }

/** One direction of a lane in memory: bytes wait until they are carried, and the writer waits above `capacity`. */
class Pipe implements Lane {
  readonly #capacityBytes: number
  readonly #held: Uint8Array[] = []
  readonly #reader = new FrameReader()
  heldBytes = 0
  /** All that was ever sent, in order. */
  readonly frames: Frame[] = []
  #full = false

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes
  }

  send(bytes: Uint8Array): boolean {
    this.#held.push(bytes)
    this.heldBytes += bytes.byteLength
    this.#reader.push(bytes, raw => this.frames.push(decodeFrame(raw)))
    this.#full = this.heldBytes >= this.#capacityBytes
    return !this.#full
  }

  /** Takes all that waits; `drained` tells that the writer was told to wait and may go on. */
  take(): { pieces: Uint8Array[]; drained: boolean } {
    const drained = this.#full
    this.#full = false
    this.heldBytes = 0
    return { pieces: this.#held.splice(0), drained }
  }
}

export interface End {
  readonly channel: Channel
  readonly control: Pipe
  readonly bulk: Pipe
  /** With what the channel closed its streams; `open` until then. */
  closedBy: 'open' | Error | undefined
}

interface PairInit {
  clock: Clock
  /** One stream for all frames, as a private session has. */
  single?: boolean
  capacityBytes?: number
  limits?: ChannelParts['limits']
  slots?: ChannelParts['slots']
  traffic?: ChannelParts['traffic']
}

/** One end of a channel whose other end is the test. */
export function makeEnd({
  clock,
  single = false,
  capacityBytes = 65_536,
  limits,
  slots,
  traffic
}: PairInit): End {
  const control = new Pipe(capacityBytes)
  const bulk = single ? control : new Pipe(capacityBytes)
  const end: { -readonly [K in keyof End]: End[K] } = {
    control,
    bulk,
    closedBy: 'open',
    channel: new Channel({
      clock,
      log: quiet,
      control,
      bulk: single ? 'same' : bulk,
      greeting: { server: true, addresses: [] },
      ...(limits && { limits }),
      ...(slots && { slots }),
      ...(traffic && { traffic }),
      close: error => {
        end.closedBy = error
      }
    })
  }
  return end
}

export interface Pair {
  a: End
  b: End
  /** Carries bytes until nothing moves; a side that `deaf` names reads nothing. */
  run(deaf?: 'a' | 'b'): Promise<void>
}

/** Two channels over pipes in memory. `cut` says how long the next piece is, so that frames arrive in any fragments. */
export function makePair(init: PairInit, cut: () => number = () => 1 << 20): Pair {
  const a = makeEnd(init)
  const b = makeEnd(init)
  const lanes: LaneName[] = init.single ? ['control'] : ['control', 'bulk']
  const carry = (from: End, to: End): boolean => {
    let moved = false
    for (const lane of lanes) {
      const { pieces, drained } = from[lane].take()
      for (const piece of pieces)
        for (let at = 0; at < piece.byteLength; moved = true) {
          const size = Math.max(1, cut())
          to.channel.receive(lane, piece.subarray(at, at + size))
          at += size
        }
      if (drained) from.channel.drained(lane)
    }
    return moved
  }
  return {
    a,
    b,
    async run(deaf) {
      for (let idle = 0; idle < 3; ) {
        await turn()
        const there = deaf !== 'b' && carry(a, b)
        const back = deaf !== 'a' && carry(b, a)
        idle = there || back ? 0 : idle + 1
        if (a.closedBy !== 'open') b.channel.ended()
        if (b.closedBy !== 'open') a.channel.ended()
      }
    }
  }
}

/** Lets all that is ready to run do so. */
export const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Hands an end frames as a peer would that has greeted, well-behaved or not. */
export function feed(end: End, lane: LaneName, ...frames: Frame[]): void {
  end.channel.receive(lane, packFrames(frames.map(encodeFrame)))
}

export const greeting: Frame = {
  type: 'greeting',
  server: true,
  addresses: [],
  windowBytes: 1024 * 1024,
  inFlight: 64
}

/** Waits until `done`, for at most a good many turns. */
export async function settle(done: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !done(); i++) await turn()
}
