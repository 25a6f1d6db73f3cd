import assert from 'node:assert/strict'
import type { DoorSeen, Finding, Seen } from '../../src/pod/health.ts'
import {
  judgeDisk,
  judgeDns,
  judgeDoor,
  judgeMemory,
  judgeNetwork,
  judgePage
} from '../../src/pod/health.ts'
import { encodePodTxt, podRecords } from '../../src/wire/pod-dns.ts'

const peer = '12D3KooWMLJQESN5aAwZ1GwD5AKJjkPeB6F6kFitawPotYqjhvVj'
const fingerprint = 'ab'.repeat(20)
const about = { hostname: 'one.pods', port: 4420, peer, fingerprint, openpgpkey: false }
const wanted = podRecords({ ...about, addresses: ['198.51.100.7'] })
const dayMs = 86_400_000
const nowMs = Date.UTC(2026, 0, 1)
const MiB = 2 ** 20
const short = ({ what, level, code }: Finding) => `${what} ${level} ${code ?? '-'}`
const failure = { code: 'PEER_TIMEOUT', message: 'no name server answered', hint: 'x' } as const

describe("what a pod's doctor says", () => {
  const published: Seen = {
    addresses: ['198.51.100.7'],
    services: [{ host: 'one.pods', port: 4420 }],
    texts: ['v=spf1 -all', encodePodTxt({ peer, fingerprint })]
  }
  const dns = (changes: Partial<Seen>, records = wanted) =>
    judgeDns(records, { ...published, ...changes }).map(short)

  it('of names that are as they should be', () => {
    assert.deepEqual(dns({}), ['dns address good -', 'dns service good -', 'dns key good -'])
  })

  it('of names that are missing, with what to publish', () => {
    assert.deepEqual(dns({ addresses: [], services: [], texts: [] }), [
      'dns address bad DNS_MISSING',
      'dns service warning DNS_NONE',
      'dns key warning DNS_NONE'
    ])
    const [, service, key] = judgeDns(wanted, { addresses: [], services: [], texts: [] })
    assert.match(service!.hint!, /_muttr\._tcp\.one\.pods\. SRV 0 0 4420 one\.pods/)
    assert.match(key!.hint!, new RegExp(`TXT "v=muttr1; id=${peer}; fp=${fingerprint}"`))
  })

  it('of names that lead elsewhere', () => {
    const other = encodePodTxt({ peer, fingerprint: 'cd'.repeat(20) })
    assert.deepEqual(
      dns({
        addresses: ['203.0.113.1'],
        services: [{ host: 'one.pods', port: 4421 }],
        texts: [other]
      }),
      ['dns address warning DNS_OTHER', 'dns service bad DNS_OTHER', 'dns key bad DNS_OTHER']
    )
    const behindRouter = podRecords({ ...about, addresses: [] })
    assert.equal(dns({ addresses: ['203.0.113.1'] }, behindRouter)[0], 'dns address good -')
  })

  it('of names that lead to another process of the pod, as they may', () => {
    const sibling = '12D3KooWCtP8ZM4tr1QaVnnSYsvaxnzedFhPsMo3vEJbeCLF18x5'
    const there = {
      ...{ addresses: ['198.51.100.7'], services: [{ host: 'one.pods', port: 4421 }] },
      texts: [encodePodTxt({ peer: sibling, fingerprint })]
    }
    const judged = (siblings: string[], seen: Seen = there) =>
      judgeDns(wanted, seen, siblings).map(short).slice(1)
    assert.deepEqual(judged([sibling]), ['dns service good -', 'dns key good -'])
    assert.deepEqual(judged([]), ['dns service bad DNS_OTHER', 'dns key bad DNS_OTHER'])
    const foreign = {
      ...{ addresses: [], services: [{ host: 'evil.pods', port: 4420 }] },
      texts: [encodePodTxt({ peer: sibling, fingerprint: 'cd'.repeat(20) })]
    }
    assert.deepEqual(judged([sibling], foreign), [
      'dns service bad DNS_OTHER',
      'dns key bad DNS_OTHER'
    ])
  })

  it('of name servers that do not answer', () => {
    assert.deepEqual(judgeDns(wanted, failure).map(short), ['dns bad DNS_UNANSWERED'])
  })

  it('of the door and its certificate', () => {
    const door = (changes: Partial<DoorSeen>) =>
      judgeDoor(
        { mode: 'acme', port: 443, untilMs: nowMs + 60 * dayMs, problem: null, ...changes },
        nowMs
      )
        .map(short)
        .at(-1)
    assert.equal(short(judgeDoor(null, nowMs)[0]!), 'door warning DOOR_OFF')
    assert.equal(door({}), 'certificate good -')
    assert.equal(door({ mode: 'proxy', untilMs: null }), 'door good -')
    assert.equal(door({ untilMs: null, problem: failure }), 'certificate bad TLS_NONE')
    assert.equal(door({ problem: failure }), 'certificate warning TLS_STALE')
    assert.equal(door({ untilMs: nowMs + 13 * dayMs }), 'certificate bad TLS_ENDS')
    assert.equal(door({ untilMs: nowMs - dayMs }), 'certificate bad TLS_ENDS')
  })

  it('of who answers at its name', () => {
    assert.equal(short(judgePage(fingerprint, fingerprint)), 'https good -')
    assert.equal(short(judgePage(fingerprint, 'cd'.repeat(20))), 'https bad DOOR_OTHER')
    for (const seen of [undefined, failure])
      assert.equal(short(judgePage(fingerprint, seen)), 'https bad DOOR_UNREACHABLE')
  })

  it('of disk and memory, with how much is used', () => {
    const disk = (freeBytes: number) => judgeDisk({ freeBytes, totalBytes: 40 * 1024 * MiB })
    assert.deepEqual(
      [100, 1_000, 9_000].map(n => disk(n * MiB).level),
      ['bad', 'warning', 'good']
    )
    assert.equal(disk(20 * 1024 * MiB).used, 0.5)
    const memory = (freeBytes: number) => judgeMemory({ freeBytes, totalBytes: 1024 * MiB })
    assert.deepEqual(
      [10, 100, 500].map(n => memory(n * MiB).level),
      ['bad', 'warning', 'good']
    )
  })

  it('of a network that is too small, with the reason', () => {
    const network = (nodes: number) => judgeNetwork({ nodes, replicas: 8, quorum: 5 })
    assert.deepEqual(
      [1, 4, 5, 7, 8, 15, 16].map(n => network(n).level),
      [...['bad', 'bad', 'warning', 'warning', 'warning', 'warning', 'good']]
    )
    assert.match(network(3).detail, /3 seeds: fewer than the 5 copies/)
    assert.match(network(3).hint!, /8 seeds that stay, in 4 networks/)
  })
})
