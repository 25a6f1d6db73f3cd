import type { House, Settings, Setup } from '../../src/api/house.ts'
import { MuttrError } from '../../src/base/errors.ts'
import { fakeWords } from './fake-client.ts'
import { fakeCode } from './fake-link.ts'

export interface FakeHouse extends House {
  /** What it answers; tests may change it. */
  readonly now: Setup
  readonly said: Settings
  readonly calls: unknown[][]
  /** Resolves when the next restore out of a file waits. */
  waits(): Promise<void>
  /** Resolves when the next home that comes from elsewhere, and waits, was given up. */
  cancelled(): Promise<void>
}

export const fakePassphrase = 'open sesame'

/** Of a folder in which there is no home. */
export const nothingMade: Partial<Setup> = {
  ...{ state: 'missing', name: null, network: null, fingerprint: null, sealed: false },
  ...{ aliases: [], pods: [], introduced: [], backupMs: null }
}

/** A house in memory that is set up and open, and refuses as the real one does. */
export function createFakeHouse(changes: Partial<Setup> = {}): FakeHouse {
  const calls: unknown[][] = []
  const now: Setup = {
    state: 'running',
    problem: null,
    home: '/homes/alice',
    name: 'alice',
    network: 'local',
    fingerprint: 'ab'.repeat(20),
    sealed: true,
    locked: false,
    aliases: ['alice@one.test'],
    pods: ['one.test', 'two.test'],
    invited: ['one.test'],
    introduced: ['bob@two.test'],
    backupMs: Date.UTC(2026, 2, 1),
    ...structuredClone(changes)
  }
  const said: Settings = {
    name: 'alice',
    profile: 'full',
    storeBytes: 2 ** 30,
    connectionsMax: 100,
    upBytesPerSecond: null,
    downBytesPerSecond: null,
    strangers: 'relayed',
    notices: 'own-pod',
    requests: 'ask',
    receipts: 'contacts',
    networkBackup: 'off',
    publishAliases: false,
    mdns: false,
    theme: 'system'
  }
  const opened = (passphrase: string) => {
    if (passphrase !== fakePassphrase)
      throw new MuttrError('PASSPHRASE_WRONG', 'the passphrase does not open the vault')
  }
  let waiting = Promise.withResolvers<void>()
  let givenUp = Promise.withResolvers<void>()
  return {
    waits() {
      waiting = Promise.withResolvers()
      return waiting.promise
    },
    cancelled() {
      givenUp = Promise.withResolvers()
      return givenUp.promise
    },
    now,
    said,
    calls,
    setup: async () => now,
    async make({ passphrase, ...home }) {
      calls.push(['make', home])
      if (now.state !== 'missing') throw new MuttrError('HOME_EXISTS', 'there is a node')
      return Object.assign(now, {
        state: 'running',
        name: home.name,
        network: 'local',
        fingerprint: 'ab'.repeat(20),
        sealed: passphrase !== null,
        pods: ['one.test', 'two.test']
      })
    },
    async join(link) {
      calls.push(['join', link])
      if (!link.startsWith('muttr:')) throw new MuttrError('LINK_INVALID', 'not a link')
      return { setup: now, contactDiffers: link === 'muttr:other' ? 'bob@two.test' : null }
    },
    async restore({ words, passphrase, input, signal }) {
      if (words === 'wait') {
        const ended = new Promise(resolve => signal.addEventListener('abort', resolve))
        waiting.resolve()
        await ended
        calls.push(['cancelled'])
        givenUp.resolve()
        throw new MuttrError('CANCELLED', 'nothing was restored')
      }
      let sizeBytes = 0
      for await (const piece of input) sizeBytes += piece.byteLength
      calls.push(['restore', words, sizeBytes])
      if (words !== fakeWords) throw new MuttrError('RECOVERY_WRONG', 'these are other words')
      return Object.assign(now, {
        ...{ state: 'running', name: 'alice', network: 'local', fingerprint: 'ab'.repeat(20) },
        ...{ sealed: passphrase !== null, aliases: ['alice@one.test'], backupMs: 1 }
      })
    },
    async restoreFromNetwork({ words, passphrase, link, network, signal, onProgress }) {
      calls.push(['restoreFromNetwork', words, link ?? null, network ?? null])
      if (words !== fakeWords)
        throw new MuttrError('RECORD_UNKNOWN', 'no backup of these words is in this network')
      const fetched = { madeMs: Date.UTC(2026, 2, 1, 9), sizeBytes: 300_000, problem: null }
      onProgress({ ...fetched, haveBytes: 100_000 })
      if (link === 'muttr:wait') {
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        givenUp.resolve()
        throw new MuttrError('CANCELLED', 'nothing was made')
      }
      return Object.assign(now, {
        ...{ state: 'running', name: 'alice', network: 'local', fingerprint: 'ab'.repeat(20) },
        ...{ sealed: passphrase !== null, aliases: ['alice@one.test'], backupMs: 1 }
      })
    },
    async joinDevice({ code, passphrase, name, history, signal, onProgress }) {
      calls.push(['joinDevice', code, name, history])
      if (code !== fakeCode) throw new MuttrError('LINK_INVALID', 'this is no code of a device')
      onProgress(1_234)
      if (!history) {
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        calls.push(['cancelled'])
        givenUp.resolve()
        throw new MuttrError('CANCELLED', 'nothing was made')
      }
      return Object.assign(now, {
        ...{ state: 'running', name: 'alice', network: 'local', fingerprint: 'ab'.repeat(20) },
        ...{ sealed: passphrase !== null, aliases: ['alice@one.test'], backupMs: 1 }
      })
    },
    async prove(passphrase) {
      calls.push(['prove'])
      if (passphrase === null && now.sealed)
        throw new MuttrError('PASSPHRASE_MISSING', 'the vault is locked with a passphrase')
      if (now.sealed) opened(passphrase ?? '')
    },
    async unlock(passphrase) {
      calls.push(['unlock'])
      opened(passphrase)
      return Object.assign(now, { locked: false })
    },
    async lock() {
      calls.push(['lock'])
      return Object.assign(now, { locked: true })
    },
    settings: async () => said,
    async change(change) {
      calls.push(['change', change])
      return Object.assign(said, change)
    },
    async network() {
      return {
        self: { peer: '12D3KooWself', at: 0.25 },
        peers: Array.from({ length: 14 }, (_, i) => ({
          peer: `12D3KooWpeer${i}`,
          at: (i * 0.618) % 1,
          connected: i < 9,
          roundTripMs: i < 9 ? 8 + i * 11 : null
        })),
        replicas: 8,
        reach: { how: 'mapped', reason: 'the router passes 203.0.113.7:4420 on' },
        store: { blobs: 812, bytes: 94_000_000, capBytes: 2 ** 30 }
      }
    }
  }
}
