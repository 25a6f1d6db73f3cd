import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import type { View } from '../../src/store/committer.ts'
import { Committer } from '../../src/store/committer.ts'
import type { RowChange, Rows } from '../../src/store/rows.ts'
import { memoryRows } from '../../src/store/rows.ts'

/** Rows that note each write and can be made to fail. */
function watchedRows() {
  const rows = memoryRows()
  const writes: number[] = []
  let failure: MuttrError | undefined
  const write = async (changes: readonly RowChange[]) => {
    if (failure) throw failure
    writes.push(changes.length)
    await rows.write(changes)
  }
  const fail = (err: MuttrError | undefined) => {
    failure = err
  }
  return { rows: { ...rows, write } as Rows, writes, fail }
}

const row = (n: number) => new Uint8Array([n])
const add =
  (n: number, sizeBytes = 1) =>
  (view: View<number>) => {
    view.state += 1
    view.write(row(n), new Uint8Array(sizeBytes))
    return view.state
  }

describe('Committer', () => {
  it('writes what comes at once in one group, and what comes meanwhile in the next', async () => {
    const { rows, writes } = watchedRows()
    await using committer = new Committer(rows, 0)
    const first = Promise.all([1, 2, 3].map(n => committer.run(add(n))))
    const second = first.then(() => Promise.all([4, 5].map(n => committer.run(add(n)))))
    assert.deepEqual(await first, [1, 2, 3])
    assert.deepEqual(await second, [4, 5])
    assert.deepEqual(writes, [3, 2])
  })

  it('bounds a group by its bytes', async () => {
    const { rows, writes } = watchedRows()
    await using committer = new Committer(rows, 0)
    await Promise.all([...Array(10).keys()].map(n => committer.run(add(n, 300 * 1024))))
    assert.deepEqual(writes, [4, 4, 2])
  })

  it('shows a decision those before it, and writes nothing for one that refuses', async () => {
    const { rows, writes } = watchedRows()
    await using committer = new Committer(rows, 0)
    const refuse = () => {
      throw new MuttrError('STORE_FULL', 'no room')
    }
    const outcomes = await Promise.allSettled([
      committer.run(add(1)),
      committer.run(refuse),
      committer.run(view => view.read(row(1))?.byteLength),
      committer.run(view => view.write(row(1), null)),
      committer.run(view => view.read(row(1)))
    ])
    assert.deepEqual(
      outcomes.map(outcome => (outcome.status === 'fulfilled' ? outcome.value : 'refused')),
      [1, 'refused', 1, undefined, undefined]
    )
    assert.deepEqual(writes, [1], 'a row written twice in a group is written once')
    assert.equal(await rows.get(row(1)), undefined)
    await committer.run(view => view.read(row(1)))
    assert.deepEqual(writes, [1], 'reading alone writes nothing')
  })

  it('fails a group as a whole and goes on from what is written', async () => {
    const { rows, fail } = watchedRows()
    await using committer = new Committer(rows, 0)
    await committer.run(add(1))
    fail(new MuttrError('DISK_FULL', 'no room'))
    const failing = [2, 3].map(n => assert.rejects(committer.run(add(n)), { code: 'DISK_FULL' }))
    await Promise.all(failing)
    assert.equal(committer.state, 1)
    fail(undefined)
    assert.equal(await committer.run(add(4)), 2)
    assert.equal(await rows.get(row(2)), undefined)
  })
})
