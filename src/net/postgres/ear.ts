import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from 'pg'
import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import { kept } from './pool.ts'

interface Parts {
  url: string
  channel: string
  heard: (message: string | undefined) => void
  alone: boolean
  /** Of what program and state it is: shown in `pg_stat_activity`. */
  says: string
  /** Of the database, for people. */
  name: string
  backoffMsMax: Millis
}

/** Before programs said more, that was all. */
export const listens = 'muttr listens'
const silenceMsMax: Millis = 10_000
const beatEveryMs: Millis = 30_000

/** A connection that listens and says by a lock that somebody is here, and another one when it is lost. */
export class Ear implements AsyncDisposable {
  readonly #parts: Parts
  #client: Client | undefined
  #stop = new AbortController()
  #again: Promise<void> = Promise.resolve()

  private constructor(parts: Parts) {
    this.#parts = parts
  }

  static async open(parts: Parts): Promise<Ear> {
    const ear = new Ear(parts)
    await ear.#connect()
    return ear
  }

  async #connect(): Promise<void> {
    const { url, channel, heard, alone, says, name } = this.#parts
    const { default: pg } = await import('pg')
    const client = new pg.Client({
      connectionString: url,
      application_name: `${listens}: ${says}`,
      connectionTimeoutMillis: silenceMsMax,
      query_timeout: silenceMsMax,
      ...kept
    })
    let isOpen = true
    // Nothing is said on this line for hours: only by asking does one learn that it is cut.
    const beat = setInterval(() => void client.query('SELECT 1').catch(lost), beatEveryMs)
    // `error` and `end` may both come; one of them is enough.
    const lost = () => {
      if (!isOpen) return
      isOpen = false
      clearInterval(beat)
      void client.end().catch(() => undefined)
      if (this.#client === client) this.#again = this.#reconnect()
    }
    client.on('error', lost)
    client.on('end', lost)
    client.on('notification', ({ payload }) => heard(payload))
    try {
      await client.connect()
      const lock = `pg_try_advisory_lock${alone ? '' : '_shared'}(hashtext($1)) AS got`
      const { rows } = await client.query(`SELECT ${lock}`, [channel])
      if (rows[0]?.got !== true)
        throw new MuttrError('HOME_IN_USE', `${name} is in use by another process of the pod`)
      await client.query(`LISTEN ${pg.escapeIdentifier(channel)}`)
    } catch (err) {
      isOpen = false
      clearInterval(beat)
      await client.end().catch(() => undefined)
      throw err
    }
    if (!isOpen) throw new Error('the connection that listens was lost at once')
    this.#client = client
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#stop
    const { backoffMsMax, heard } = this.#parts
    for (let backoffMs = 50; !signal.aborted; backoffMs = Math.min(2 * backoffMs, backoffMsMax)) {
      try {
        await this.#connect()
        return heard(undefined)
      } catch {
        await pause(backoffMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#again
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => undefined)
  }
}
