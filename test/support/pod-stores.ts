import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openShared } from '../../src/net/postgres/shared.ts'
import { podFormat } from '../../src/nodes/pod-state.ts'
import { levelState } from '../../src/store/level.ts'
import { memoryState } from '../../src/store/memory.ts'
import { createSqlState } from '../../src/store/sql/sql-state.ts'
import type { State } from '../../src/store/state.ts'
import type { Postgres } from './postgres.ts'
import { startPostgres } from './postgres.ts'

/** What a pod keeps its state in. */
export interface PodStore {
  readonly name: string
  /** An empty one. */
  open(): Promise<State & AsyncDisposable>
}

/** Describes what a pod does once for each kind of store that it may have. */
export function inEachStore(what: string, contract: (store: PodStore) => void): void {
  const described = (store: PodStore) =>
    describe(`${what}, in ${store.name}`, () => contract(store))
  described({ name: 'memory', open: async () => memoryState() })
  described({ name: 'the embedded store', open: embedded })
  describe('over PostgreSQL', () => {
    let server: Postgres
    let made = 0
    before(async () => {
      server = await startPostgres()
    })
    after(() => server[Symbol.asyncDispose]())
    described({
      name: 'PostgreSQL',
      async open() {
        await using database = await openShared(server.url)
        await database.change(async query => {
          await query('DROP SCHEMA IF EXISTS muttr CASCADE')
          return true
        })
        made += 1
        return createSqlState({ database: await openShared(server.url), self: `pod ${made}` })
      }
    })
  })
}

async function embedded(): Promise<State & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'muttr-state-'))
  const state = await levelState(folder, podFormat)
  return {
    ...state,
    async [Symbol.asyncDispose]() {
      await state[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    }
  }
}
