import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import type { Log } from '../../src/base/ports.ts'
import type { ShownPod } from '../../src/client/moving/renames.ts'
import { createRenames } from '../../src/client/moving/renames.ts'
import type { Move } from '../../src/wire/move.ts'
import { personNamed } from '../support/pod-world.ts'

const silent: Log = { debug() {}, info() {}, warn() {} }

describe('an own pod that has another name', () => {
  let shown: ShownPod
  before(async () => {
    const { certificate } = await personNamed('one.test', [])
    shown = { now: 'new.test', certificate, contact: { peer: 'peer', addresses: ['/memory'] } }
  })

  function world({ locked = false } = {}) {
    const said = {
      moves: [] as string[],
      again: [] as string[],
      introduced: [] as unknown[],
      warned: 0
    }
    const state = {
      ...{ locked, refused: undefined as MuttrError | undefined },
      ...{ away: undefined as MuttrError | undefined, there: ['al@new.test'] }
    }
    const gone = ['alice', 'al'].map(name => ({
      ...{ alias: `${name}@one.test`, pod: 'one.test', frame: new Uint8Array() },
      ...{ signature: new Uint8Array(), certifiedUntilMs: 0 },
      move: { from: `${name}@one.test`, to: `${name}@new.test` } as Move
    }))
    const left = new Set<string>()
    const certified = { certifiedUntilMs: 0 }
    const all = ['alice', 'al'].map(name => ({ alias: `${name}@one.test`, pod: 'one.test' }))
    all.push({ alias: 'alice@two.test', pod: 'two.test' })
    const renames = createRenames({
      self: {
        registrations: () =>
          all.filter(({ alias }) => !left.has(alias)).map(one => ({ ...one, ...certified })),
        get locked() {
          return state.locked
        }
      },
      pods: {
        async introduce(hostname, pod) {
          said.introduced.push([hostname, pod.fingerprint])
          if (state.refused) throw state.refused
          return {
            questions: () => Promise.reject(new Error('nobody asks')),
            keep: async () => undefined
          }
        }
      },
      renamed: async pod => gone.filter(({ move }) => move.to.endsWith(`@${pod}`)),
      async isThere(alias) {
        if (state.away) throw state.away
        return state.there.includes(alias)
      },
      async again({ move }) {
        said.again.push(move.to)
        state.there.push(move.to)
      },
      async move(to, { from }) {
        left.add(from)
        said.moves.push(`${from} ${to}`)
      },
      log: { ...silent, warn: () => void said.warned++ },
      life: new AbortController().signal
    })
    return { renames, said, state }
  }
  const both = ['alice@one.test alice@new.test', 'al@one.test al@new.test']

  it('is gone along with, under each alias there and no other, once', async () => {
    const { renames, said } = world()
    renames.met('one.test', shown)
    await renames.look()
    await renames.look()
    assert.deepEqual(said.moves, both)
    assert.deepEqual(said.introduced[0], ['new.test', shown.certificate.fingerprint])
  })

  it('is not followed to a name that is published as another’s, and is later', async () => {
    const { renames, said, state } = world()
    for (const code of ['POD_CHANGED', 'POD_UNREACHABLE'] as const) {
      state.refused = new MuttrError(code, 'another pod')
      renames.met('one.test', shown)
      await renames.look()
      assert.deepEqual(said.moves, [])
    }
    assert(said.warned > 0)
    state.refused = undefined
    await renames.look()
    assert.deepEqual(said.moves, both)
  })

  it('waits for the vault', async () => {
    const { renames, said, state } = world({ locked: true })
    renames.met('one.test', shown)
    await renames.look()
    assert.deepEqual([said.moves, said.introduced], [[], []])
    state.locked = false
    await renames.look()
    assert.deepEqual(said.moves, both)
  })

  it('is told again where it has forgotten that we went along, once it can be asked', async () => {
    const { renames, said, state } = world()
    state.away = new MuttrError('POD_UNREACHABLE', 'away')
    renames.met('new.test', { ...shown, now: 'new.test' })
    await renames.look()
    assert.deepEqual(said.again, [])
    state.away = undefined
    await renames.look()
    await renames.look()
    assert.deepEqual(said.again, ['alice@new.test'])
    // It knows; and is asked again when it was away.
    state.there = []
    await renames.look()
    assert.equal(said.again.length, 1)
    renames.met('new.test', { ...shown, now: 'new.test' })
    await renames.look()
    assert.equal(said.again.length, 3)
  })

  it('that shows the name again by which it is known is left alone', async () => {
    const { renames, said, state } = world()
    state.locked = true
    renames.met('one.test', shown)
    renames.met('one.test', { ...shown, now: 'one.test' })
    state.locked = false
    await renames.look()
    assert.deepEqual(said.moves, [])
  })
})
