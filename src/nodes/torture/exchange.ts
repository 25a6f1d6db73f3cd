import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import type { Clock, Millis } from '../../base/ports.ts'

/** A line that delays and throttles. */
export interface BadLine {
  readonly delayMs: Millis
  readonly bytesPerSecond: number
}

/** How two nodes reach each other: `hold` keeps the bytes until it is over, as a network that went silent; `cut` breaks connections. */
export type Way = 'open' | 'hold' | 'cut'

/**
 * Every connection between nodes goes through here, so that it knows from whom to whom: {@link ./through-exchange.ts} makes the nodes dial
 * us and say both ports first. Needs no rights and no names of networks, and works wherever Node does.
 */
export interface Exchange extends AsyncDisposable {
  readonly port: number
  /** Asks again for every line, also those that are up. */
  changed(): void
}

export interface ExchangeParts {
  clock: Clock
  /** By the ports on which the nodes listen. */
  way(from: number, to: number): Way
  line(from: number, to: number): BadLine | undefined
}

/** What the dialler says first: its own port and the port it wants, both big-endian. */
const greetingBytes = 4
/** Read ahead of a slow line, per direction. */
const waitingBytesMax = 256 * 1_024

interface Line {
  readonly from: number
  readonly to: number
  readonly lanes: Lane[]
  /** Connects onwards once the way is open. */
  begin(): void
  destroy(): void
}

export async function createExchange(parts: ExchangeParts): Promise<Exchange> {
  const lines = new Set<Line>()
  const server = createServer({ noDelay: true }, near => {
    near.on('error', () => near.destroy())
    greeting(near, (from, to) => {
      const line = makeLine(near, from, to, parts)
      lines.add(line)
      near.once('close', () => {
        lines.delete(line)
        line.destroy()
      })
      look(line)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const look = (line: Line) => {
    const way = parts.way(line.from, line.to)
    if (way === 'cut') return line.destroy()
    if (way === 'open') line.begin()
    for (const lane of line.lanes) {
      lane.isHeld = way === 'hold'
      lane.bad = parts.line(line.from, line.to)
      lane.pump()
    }
  }
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('no port')
  return {
    port: address.port,
    changed() {
      for (const line of lines) look(line)
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const line of lines) line.destroy()
      await closed
    }
  }
}

/** The first four bytes; what comes behind them waits in the socket. */
function greeting(near: Socket, then: (from: number, to: number) => void): void {
  const read = () => {
    const head: Buffer | null = near.read(greetingBytes)
    if (head === null) return
    near.off('readable', read)
    then(head.readUInt16BE(0), head.readUInt16BE(2))
  }
  near.on('readable', read)
}

function makeLine(near: Socket, from: number, to: number, { clock }: ExchangeParts): Line {
  let far: Socket | undefined
  const line: Line = {
    from,
    to,
    lanes: [],
    begin() {
      if (far || near.destroyed) return
      far = connect({ port: to, host: '127.0.0.1', noDelay: true })
      const onward = far
      onward.on('error', () => near.destroy())
      onward.once('close', () => near.destroy())
      line.lanes.push(new Lane(near, onward, clock), new Lane(onward, near, clock))
    },
    destroy() {
      near.destroy()
      far?.destroy()
      for (const lane of line.lanes) lane.end()
    }
  }
  return line
}

/** One direction of a connection. */
class Lane {
  isHeld = false
  bad: BadLine | undefined
  readonly #to: Socket
  readonly #from: Socket
  readonly #clock: Clock
  readonly #waiting: { chunk: Buffer; dueMs: Millis }[] = []
  #waitingBytes = 0
  /** When the line has sent what it was given. */
  #freeMs = 0
  #isOver = false
  #timer: Disposable | undefined

  constructor(from: Socket, to: Socket, clock: Clock) {
    this.#from = from
    this.#to = to
    this.#clock = clock
    from.on('data', chunk => this.#take(chunk as Buffer))
    from.once('end', () => {
      this.#isOver = true
      this.pump()
    })
    to.on('drain', () => this.pump())
  }

  #take(chunk: Buffer): void {
    if (!this.isHeld && !this.bad && this.#waiting.length === 0) {
      if (!this.#to.write(chunk)) this.#from.pause()
      return
    }
    this.#waiting.push({ chunk, dueMs: this.#dueMs(chunk.length) })
    this.#waitingBytes += chunk.length
    if (this.#waitingBytes > waitingBytesMax) this.#from.pause()
    this.pump()
  }

  #dueMs(bytes: number): Millis {
    const nowMs = this.#clock.now()
    if (!this.bad) return nowMs
    this.#freeMs = Math.max(nowMs, this.#freeMs) + (1_000 * bytes) / this.bad.bytesPerSecond
    return this.#freeMs + this.bad.delayMs
  }

  /** Passes on what is due. */
  pump(): void {
    this.#timer?.[Symbol.dispose]()
    if (this.isHeld || this.#to.destroyed) return
    const nowMs = this.#clock.now()
    while (this.#waiting.length > 0 && !this.#to.writableNeedDrain) {
      const [{ chunk, dueMs }] = this.#waiting as [{ chunk: Buffer; dueMs: Millis }]
      if (dueMs > nowMs) {
        this.#timer = this.#clock.after(dueMs - nowMs, () => this.pump())
        return
      }
      this.#waiting.shift()
      this.#waitingBytes -= chunk.length
      this.#to.write(chunk)
    }
    if (this.#waiting.length > 0 || this.#to.writableNeedDrain) return
    if (this.#isOver) this.#to.end()
    else this.#from.resume()
  }

  end(): void {
    this.#timer?.[Symbol.dispose]()
    this.#waiting.length = 0
  }
}
