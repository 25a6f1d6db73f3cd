import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MuttrEvent } from '../../src/base/events.ts'
import type { Session } from '../../src/base/ports.ts'
import { certify } from '../../src/keys/certify.ts'
import { addAlias, makePerson } from '../../src/keys/person.ts'
import { signDetached } from '../../src/keys/sign.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import * as wire from '../../src/wire/pod.ts'
import type { Whole } from '../support/whole-node.ts'
import { wholeNode } from '../support/whole-node.ts'

const alias = 'alice@one.test'

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
    pod = await wholeNode({
      ...{ folder, name: 'one', network, hostname: 'one.test' },
      through: node => ({
        accept: (protocol, take) => node.accept(protocol, session => take(bent(session)))
      })
    })
    const { self } = pod.network
    const addresses = pod.network.contact().addresses.map(address => `${address}/p2p/${self}`)
    const pods = [{ hostname: 'one.test', addresses }]
    alice = await wholeNode({ folder, name: 'alice', network: { ...network, pods } })
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
        method === 'lookup' && trusted !== undefined && session.peer !== trusted
          ? lie(payload, answer => truth(method, answer, signal))
          : truth(method, payload, signal)
      )
  })

  /** Signed by the pod as it should be, only about another key. */
  async function lie(
    payload: Uint8Array,
    truth: (payload: Uint8Array) => Promise<Uint8Array>
  ): Promise<Uint8Array> {
    const nowMs = clock.now()
    const said = wire.directoryAnswer.decode(wire.lookupAnswer.decode(await truth(payload)).answer)
    const eve = await addAlias(await makePerson({ name: 'eve', nowMs }), alias, nowMs)
    const { bytes: certificate } = await certify(pod.person!, {
      ...{ certificate: eve.certificate, alias, nowMs, lifeMs: 86_400_000 }
    })
    const answer = wire.directoryAnswer.encode({ ...said, certificate })
    const signature = await signDetached(pod.person!, wire.directoryLabel, answer, nowMs)
    return wire.lookupAnswer.encode({ answer, signature })
  }

  async function nextAlarm(): Promise<MuttrEvent | undefined> {
    const over = new AbortController()
    for await (const event of alice.client.events(over.signal))
      if (event.type === 'alarm') return event
    return undefined
  }

  it('is caught by the person it lies about, who is a stranger to it when it is asked', async () => {
    trusted = alice.network.self
    assert.equal(
      (await alice.client.lookup(alias)).fingerprint,
      alice.person?.certificate.fingerprint
    )
    const rung = nextAlarm()
    await alice.client.unlock(alice.person!)
    const event = await rung
    assert(event?.type === 'alarm' && event.what === 'key')
    const [alarm] = await alice.client.alarms()
    assert.equal(alarm?.shown, event.shown)
    assert((await alice.client.doctor()).some(({ name, ok }) => !ok && name.startsWith('alarm')))
  })
})
