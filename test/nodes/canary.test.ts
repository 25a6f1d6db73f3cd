import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MuttrEvent } from '../../src/base/events.ts'
import type { Session } from '../../src/base/ports.ts'
import { makePerson } from '../../src/keys/person.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import * as wire from '../../src/wire/pod.ts'
import { refusalOf, resultsOf } from '../support/command.ts'
import { signedAnswer } from '../support/pod-papers.ts'
import { certifiedKey } from '../support/signed-views.ts'
import type { Whole } from '../support/whole-node.ts'
import { wholeNode } from '../support/whole-node.ts'

const alias = 'alice@one.test'
const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** Has her key for a while. */
const eve = makePerson({ name: 'eve', nowMs: clock.now() - 2 * dayMs })

describe('a pod that shows strangers another key', () => {
  let folder: string
  let pod: Whole
  let alice: Whole
  /** The pod tells the truth to this peer alone. */
  let trusted: string | undefined

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muttr-canary-'))
    const parameters = { replicas: 8, quorum: 5 }
    const network = { name: 'canary', description: '', seeds: [], pods: [], parameters }
    const before = { nowMs: clock.now() - 2 * dayMs }
    const imported = await makePerson({ name: 'one.test', ...before })
    pod = await wholeNode({
      imported,
      ...{ folder, name: 'one', network, hostname: 'one.test' },
      through: node => ({
        accept: (protocol, take) => node.accept(protocol, session => take(bent(session)))
      })
    })
    const { self } = pod.network
    const addresses = pod.network.contact().addresses.map(address => `${address}/p2p/${self}`)
    const pods = [{ hostname: 'one.test', addresses }]
    alice = await wholeNode({
      ...{ folder, name: 'alice', network: { ...network, pods } },
      imported: await makePerson({ name: 'alice', ...before })
    })
    await alice.client.register(alias)
  })
  after(async () => {
    for (const node of [alice, pod]) await node?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const bent = (session: Session): Session => ({
    ...session,
    serve: truth =>
      session.serve((method, payload, signal) =>
        method === 'lookup' && trusted !== undefined
          ? shown(payload, session.peer !== trusted, asked => truth(method, asked, signal))
          : truth(method, payload, signal)
      )
  })

  /** Signed by the pod as it should be, and for strangers about another key; that of alice it signed an hour ago. */
  async function shown(
    payload: Uint8Array,
    isLie: boolean,
    truth: (payload: Uint8Array) => Promise<Uint8Array>
  ): Promise<Uint8Array> {
    const issuedMs = clock.now() - (isLie ? 0 : hourMs)
    const certifiedMs = clock.now() - (isLie ? 3 : 5) * hourMs
    const said = wire.directoryAnswer.decode(wire.lookupAnswer.decode(await truth(payload)).answer)
    const of = isLie ? await eve : alice.person!
    const certificate = await certifiedKey(pod.person!, of, { alias, certifiedMs })
    const answer = await signedAnswer(pod.person!, { ...said, certificate }, issuedMs)
    return wire.lookupAnswer.encode(answer)
  }

  async function nextAlarms(count: number): Promise<(MuttrEvent & { type: 'alarm' })[]> {
    const over = new AbortController()
    const rung: (MuttrEvent & { type: 'alarm' })[] = []
    for await (const event of alice.client.events(over.signal)) {
      if (event.type === 'alarm') rung.push(event)
      if (rung.length === count) break
    }
    return rung
  }

  it('is caught by the person it lies about, who is a stranger to it when it is asked', async () => {
    trusted = alice.network.self
    assert.equal(
      (await alice.client.lookup(alias)).fingerprint,
      alice.person?.certificate.fingerprint
    )
    const rung = nextAlarms(2)
    await alice.client.unlock(alice.person!)
    await alice.client.lookup(alias)
    const events = await rung
    const { fingerprint } = (await eve).certificate
    assert.deepEqual(events.map(({ what, shown }) => [what, shown]).sort(), [
      ['equivocated', fingerprint],
      ['key', fingerprint]
    ])
    const alarms = await alice.client.alarms()
    assert.deepEqual(alarms.map(({ what }) => what).sort(), ['equivocated', 'key'])
    assert((await alice.client.doctor()).some(({ name, ok }) => !ok && name.startsWith('alarm')))
  })

  it('has signed the proof, which holds on a machine that knows neither of them', async () => {
    const file = join(folder, 'one.proof')
    await writeFile(file, await alice.client.alarmProof(alias))
    const env = { HOME: join(folder, 'nobody'), MUTTR_HOME: join(folder, 'nobody', 'none') }
    const [said] = await resultsOf(['proof', 'verify', file, '--json'], { env })
    assert.deepEqual(
      [said.alias, said.fingerprint, said.former.fingerprint, said.later.fingerprint],
      [alias, ...[pod, alice].map(({ person }) => person!.certificate.fingerprint)].concat(
        (await eve).certificate.fingerprint
      )
    )
    const bytes = await readFile(file)
    bytes[bytes.length - 40]! ^= 1
    await writeFile(file, bytes)
    assert.deepEqual(await refusalOf(['proof', 'verify', file, '--json'], { env }), [
      2,
      'PROOF_INVALID'
    ])
  })
})
