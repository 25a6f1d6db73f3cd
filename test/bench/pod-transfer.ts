import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { limits as wireLimits } from '../../src/base/limits.ts'
import { openPodLink } from '../../src/client/pod-link.ts'
import { makeHpkeKey } from '../../src/keys/hpke.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { createPod } from '../../src/pod/pod.ts'
import { levelState } from '../../src/store/level.ts'
import { transfer, transferAnswer } from '../../src/wire/federation.ts'
import { podProtocol } from '../../src/wire/pod.ts'
import { podMethods } from '../../src/wire/pod-methods.ts'
import { log, makeNode } from '../support/net-nodes.ts'
import { noticeFor, personNamed, random, sealNotice } from '../support/pod-world.ts'
import type { Row } from './table.ts'
import { summary } from './table.ts'

const noticesCount = 2_048
const addressesCount = 64
/** So many requests may be open at once before the other side has greeted, and no sender of single notices keeps more open. */
const inFlight = 16
const free = { burst: 10 ** 9, everyMs: 0.001 }

/**
 * Notices that one pod takes from another over TCP on one machine, onto a real disk: one by one, sixteen at a time, and in transfers. Nobody has
 * the addresses, which costs as much as if somebody had.
 */
export async function benchPodTransfer(rounds: number): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'muttr-transfer-'))
  const privateKey = await makePeerKey()
  const [node, from] = [await makeNode({ privateKey }), await makeNode()]
  const hpke = await makeHpkeKey(random.bytes(32))
  const state = await levelState(join(folder, 'pod'))
  try {
    await using _pod = await createPod({
      ...{ network: node, clock, random, log, state, hpke, hostname: 'two.test', policy: 'open' },
      ...{ person: await personNamed('two.test', []), keys: peerKeys(privateKey) },
      federation: {
        network: node,
        policy: 'open',
        about: () => ({ version: '0', capabilities: [], where: [] }),
        finder: { find: async hostname => ({ hostname, addresses: [] }) }
      },
      limits: { noticesPerPeer: free, noticesInAll: free, requestsPerPeer: free }
    })
    const contact = node.contact()
    const addresses = Array.from({ length: addressesCount }, () => random.bytes(32))
    const seal = () =>
      Promise.all(
        Array.from({ length: noticesCount }, (_, i) =>
          sealNotice(hpke.publicKey, noticeFor(addresses[i % addressesCount]!, clock.now()))
        )
      )
    await using link = await openPodLink({ network: from, contact, clock, hostname: 'two.test' })
    await using session = await from.open(contact, podProtocol, { timeoutMs: 10_000 })

    const each = async (parallel: number): Promise<number> => {
      const notices = await seal()
      const startMs = performance.now()
      const work = async () => {
        for (let next = notices.pop(); next; next = notices.pop()) await link.submit(next)
      }
      await Promise.all(Array.from({ length: parallel }, work))
      return perSecond(startMs)
    }
    const together = async (): Promise<number> => {
      const all = await seal()
      const startMs = performance.now()
      for (let at = 0; at < all.length; at += wireLimits.transferNoticesMax) {
        const notices = all.slice(at, at + wireLimits.transferNoticesMax)
        const options = { timeoutMs: 60_000 }
        const frame = transfer.encode({ notices })
        const answer = await session.request(podMethods.transfer, frame, options)
        const { results } = transferAnswer.decode(answer)
        const refused = results.find(result => typeof result === 'string')
        if (refused !== undefined) throw new Error(`refused: ${refused}`)
      }
      return perSecond(startMs)
    }
    const figures = { one: [] as number[], some: [] as number[], all: [] as number[] }
    for (let round = 0; round < rounds; round++) {
      figures.one.push(await each(1))
      figures.some.push(await each(inFlight))
      figures.all.push(await together())
    }
    const rival = { name: 'one by one', ...summary(figures.one) }
    return [
      { name: 'notices, 16 at a time', unit: 'ops/s', ...summary(figures.some), rival },
      { name: 'notices, 256 in a transfer', unit: 'ops/s', ...summary(figures.all), rival }
    ]
  } finally {
    await Promise.all([node, from].map(one => one[Symbol.asyncDispose]()))
    await state[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  }
}

const perSecond = (startMs: number): number =>
  (noticesCount * 1_000) / (performance.now() - startMs)
