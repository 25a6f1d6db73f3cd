import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import type { Log } from '../../src/base/ports.ts'
import type { ShownPod } from '../../src/client/moving/renames.ts'
import { createRenames } from '../../src/client/moving/renames.ts'
import { personNamed } from '../support/pod-world.ts'

const silent: Log = { debug() {}, info() {}, warn() {} }

describe('an own pod that has another name', () => {
  let shown: ShownPod
  before(async () => {
    const { certificate } = await personNamed('one.test', [])
    shown = { now: 'new.test', certificate, contact: { peer: 'peer', addresses: ['/memory'] } }
  })

  function world({ locked = false } = {}) {
    const said = { moves: [] as string[], introduced: [] as unknown[], warned: 0 }
    const state = { locked, refused: undefined as MuttrError | undefined }
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
