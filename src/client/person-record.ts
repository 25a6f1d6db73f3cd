import { sha256, toHex } from '../base/bytes.ts'
import type { Clock, Log, Millis, Random } from '../base/ports.ts'
import { sealMove } from '../keys/move.ts'
import { recordAuthorOf, signRecord } from '../keys/record.ts'
import { readAlias } from '../pod/alias.ts'
import type { Publisher, Statement } from '../replicas/publisher.ts'
import { createPublisher } from '../replicas/publisher.ts'
import type { Dht } from '../seed/dht.ts'
import type { State } from '../store/state.ts'
import { literal, mapped, text, tuple, uint } from '../wire/cbor.ts'
import type { PersonPod } from '../wire/records/person.ts'
import { encodePerson, personKind } from '../wire/records/person.ts'
import type { Pods } from './pods.ts'
import type { Self } from './self.ts'
import { createTable } from './table.ts'

interface Parts {
  dht: Dht
  clock: Clock
  random: Random
  log: Log
  state: State
  self: Self
  pods: Pods
  /** False unless the person asked for it: the record tells everybody which aliases are one person's. Where they moved is in it all the same. */
  publish: boolean
}

const everyMs = 24 * 3_600_000
const retryMs = 60_000
const lookEveryMs = 3_600_000
/** Beside author, signature and pods of a record. */
const movesBytesMax = 2_048
/** W is the network's; a person's record on fewer seeds is as good for now. */
const quorum = 1

const lastRow = mapped(tuple(literal(1), text(64, 64), uint()), ([, saying, atMs]) => ({
  saying,
  atMs
}))

/**
 * Keeps the person's record: after an alias was registered, and every day. Where it is not wanted (any more), one that was published is
 * replaced by an empty one. Source: docs/protocol/record.md#which-pods-a-person-uses
 */
export async function publishPerson(parts: Parts): Promise<Publisher> {
  const { clock, self, pods, state, log, publish } = parts
  const rows = createTable<{ saying: string; atMs: Millis }>({
    state,
    log,
    name: 'person-record',
    field: lastRow,
    write: r => [1, r.saying, r.atMs],
    maxBytes: 128
  })
  const last = await rows.get('last').catch(() => undefined)
  const empty = encodePerson({ pods: [], moves: [] })
  let isOut = last !== undefined && last.saying !== toHex(sha256(empty))

  async function say(): Promise<Statement | undefined> {
    if (self.locked) return undefined
    const person = self.person()
    const nowMs = clock.now()
    const found = publish ? await podsOf(self, pods) : []
    const moves = movesOf(self)
    if (found.length === 0 && moves.length === 0 && !isOut) return undefined
    return {
      author: await recordAuthorOf(person, nowMs),
      body: encodePerson({ pods: found, moves }),
      sign: bytes => signRecord(person, bytes, nowMs)
    }
  }

  return createPublisher({
    ...parts,
    kind: personKind,
    rhythm: { everyMs, retryMs, last },
    lookEveryMs,
    quorum,
    say,
    async onPut({ saying, atMs, body }) {
      isOut = !Buffer.from(body).equals(empty)
      await state.write([rows.put('last', { saying, atMs })])
    }
  })
}

/** Newest first, as many as fit: each is for those alone who know us by the alias that it left. */
function movesOf(self: Self): Uint8Array[] {
  const { pin } = self.person().certificate
  const own = self.left().filter(({ move }) => move.key.pin === pin)
  const sealed: Uint8Array[] = []
  let left = movesBytesMax
  for (const { frame, move } of own.toSorted((a, b) => b.move.sequence - a.move.sequence)) {
    const one = sealMove(frame, { pin, from: move.from })
    left -= one.byteLength
    if (left < 0) break
    sealed.push(one)
  }
  return sealed
}

/** In the order in which they were registered: the first is the one the person writes under. */
async function podsOf(self: Self, pods: Pods): Promise<PersonPod[]> {
  const names = new Map<string, string[]>()
  for (const { alias, pod } of self.registrations())
    names.set(pod, [...(names.get(pod) ?? []), readAlias(alias).name])
  const found: PersonPod[] = []
  for (const [hostname, own] of names) {
    const peer = await pods.peerOf(hostname)
    const fingerprint = (await pods.certificateOf(hostname))?.fingerprint
    if (peer && fingerprint) found.push({ hostname, peer, fingerprint, names: own })
  }
  return found
}
