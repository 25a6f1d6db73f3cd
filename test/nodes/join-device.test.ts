import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MuttrError } from '../../src/base/errors.ts'
import type { LinkStep } from '../../src/client/client.ts'
import { Linking } from '../../src/client/linking/session.ts'
import { writeConfig } from '../../src/config/config.ts'
import { writeNetwork } from '../../src/config/network.ts'
import { exportPerson } from '../../src/keys/person.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import type { Node } from '../../src/net/node.ts'
import { readHome } from '../../src/nodes/home.ts'
import { joinAsDevice } from '../../src/nodes/join-device.ts'
import { levelState } from '../../src/store/level.ts'
import type { BackupItem } from '../../src/wire/backup.ts'
import { encodeBackupItem } from '../../src/wire/backup.ts'
import { decodeCbor } from '../../src/wire/cbor.ts'
import { deviceCard } from '../../src/wire/sync.ts'
import { dice, person, quiet } from '../support/client-world.ts'
import { makeNode } from '../support/net-nodes.ts'
import { alone } from '../support/own-devices.ts'

const utf8 = (text: string) => new Uint8Array(Buffer.from(text))
const rows = 40

/** What a device gives, with one item or another in its place. */
async function* items(change: (all: BackupItem[]) => BackupItem[] = all => all) {
  const self = await person('alice')
  const { fingerprint } = self.certificate
  const network = { name: 'local', description: '', seeds: [], pods: [] }
  const file = (name: 'secret' | 'muttr.json' | 'network.json', text: string): BackupItem => ({
    ...{ type: 'file', name, content: utf8(text) }
  })
  const all: BackupItem[] = [
    { type: 'head', madeMs: 1, fingerprint },
    file('secret', await exportPerson(self)),
    file('muttr.json', writeConfig({ name: 'alice' })),
    file('network.json', writeNetwork({ ...network, parameters: { replicas: 8, quorum: 5 } })),
    ...Array.from(
      { length: rows },
      (_, i): BackupItem => ({
        ...{ type: 'row', table: 'mail', key: `${i}`, value: new Uint8Array(50_000) }
      })
    ),
    { type: 'end', rows }
  ]
  for (const item of change(all)) yield encodeBackupItem(item)
}

describe('the home of a new device', () => {
  let folder: string
  let home: string
  let node: Node
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muttr-join-'))
    home = join(folder, 'home')
    node = await makeNode()
  })
  afterEach(async () => {
    await node[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  /** @param goods what the device that is there gives. */
  async function shown(
    goods: () => AsyncIterable<Uint8Array>,
    linked = async (): Promise<void> => undefined
  ) {
    const linking = new Linking({
      ...{ network: node, clock, random: dice, log: quiet, linked },
      expect: alone,
      life: new AbortController().signal,
      addresses: () => node.contact().addresses,
      goods: async () => goods()
    })
    const steps = (await linking.open())[Symbol.asyncIterator]()
    const { value } = (await steps.next()) as IteratorResult<LinkStep, void>
    assert(value?.type === 'code')
    return value.code
  }

  const make = (code: string, more: Partial<Parameters<typeof joinAsDevice>[0]> = {}) =>
    joinAsDevice({
      ...{ home, history: true, name: 'phone', passphrase: async () => null },
      code: async () => code,
      signal: new AbortController().signal,
      ...more
    })

  it('has keys of its own, and says of itself what it said to the other device', async () => {
    let rowsSeen = 0
    const onProgress = (count: number) => {
      rowsSeen = count
    }
    const made = await make(await shown(() => items()), { onProgress })
    assert.deepEqual(
      [made.device, made.name, made.rows, made.heard, rowsSeen],
      ['phone', 'alice', rows, true, rows]
    )
    const read = await readHome(home)
    await using state = await levelState(read.paths.clientDb)
    const row = (await state.get('self', 'device'))!
    const card = decodeCbor(row, 'a card', deviceCard, 512)
    assert.deepEqual(card.deviceKey, read.device.publicKey)
    assert.deepEqual(card.sealKey, read.device.sealKey.publicKey)
    assert.equal(card.name, 'phone')
    assert.equal((await state.list('mail')).length, rows)
  })

  it('is none when the other device dies in the middle', async () => {
    let parts = 0
    async function* dying() {
      for await (const item of items()) {
        yield item
        if (++parts === 20) await node[Symbol.asyncDispose]()
      }
    }
    await assert.rejects(make(await shown(dying)), (err: MuttrError) =>
      /muttr device link/.test(err.hint)
    )
    await assert.rejects(stat(home), { code: 'ENOENT' })
  })

  it('is none after Ctrl-C', async () => {
    const stop = new AbortController()
    const code = await shown(() => items())
    const onProgress = () => stop.abort()
    await assert.rejects(make(code, { signal: stop.signal, onProgress }), { code: 'CANCELLED' })
    await assert.rejects(stat(home), { code: 'ENOENT' })
  })

  it('is none when what comes is not what a device gives', async () => {
    const bob = await person('bob')
    const other = { type: 'head', madeMs: 1, fingerprint: bob.certificate.fingerprint } as const
    for (const change of [
      (all: BackupItem[]) => all.filter(item => item.type !== 'head'),
      (all: BackupItem[]) => [other, ...all.slice(1)],
      (all: BackupItem[]) => all.filter(item => item.type !== 'file' || item.name !== 'secret'),
      (all: BackupItem[]) => all.filter(item => item.type !== 'row' || item.key !== '7'),
      (all: BackupItem[]) => all.slice(0, -1)
    ]) {
      await assert.rejects(make(await shown(() => items(change))), { code: 'WIRE_MALFORMED' })
      await assert.rejects(stat(home), { code: 'ENOENT' })
      await node[Symbol.asyncDispose]()
      node = await makeNode()
    }
  })

  it('is whole also when the other device does not hear that', async () => {
    const linked = async () => {
      await node[Symbol.asyncDispose]()
    }
    const made = await make(await shown(() => items(), linked))
    assert.equal(made.heard, false)
    assert.equal((await readHome(home)).config.name, 'alice')
  })

  it('asks for code and passphrase before it dials, and makes nothing where it cannot', async () => {
    const order: string[] = []
    const code = async () => {
      order.push('code')
      return shown(() => items())
    }
    const passphrase = async () => {
      order.push('passphrase')
      throw new MuttrError('PASSPHRASE_MISSING', 'nobody can be asked')
    }
    await assert.rejects(make('', { code, passphrase }), { code: 'PASSPHRASE_MISSING' })
    assert.deepEqual(order, ['code', 'passphrase'])
    await assert.rejects(make('muttr:device?AAAA', { passphrase }), { code: 'LINK_INVALID' })
    for (const name of ['', ' ', 'x'.repeat(65)])
      await assert.rejects(make('', { name }), { code: 'USAGE' })
    assert.deepEqual(await readdir(folder), [])
  })
})
