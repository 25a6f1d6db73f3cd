import assert from 'node:assert/strict'
import { cp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { homePaths } from '../../src/config/home.ts'
import { initPod } from '../../src/nodes/init-pod.ts'
import { addressRow } from '../../src/pod/addresses/rows.ts'
import { sumOf } from '../../src/store/copy-state.ts'
import type { WholeState } from '../../src/store/state.ts'
import { decodeCbor } from '../../src/wire/cbor.ts'
import { temporaryFolder } from './store-folder.ts'

/** Made by a program of version 1: three people, an alias and three notices for each. */
export const older = new URL('../vectors/pod-state-1/', import.meta.url).pathname

/** Homes of pods whose state an older program made. */
export interface OldPods extends AsyncDisposable {
  newHome(): Promise<string>
}

export async function oldPods(): Promise<OldPods> {
  const folder = await temporaryFolder()
  const template = join(folder.path, 'template')
  const { signal } = new AbortController()
  await initPod({
    ...{ home: template, hostname: 'one.test', policy: 'open', https: { mode: 'off' } },
    ...{ passphrase: async () => null, signal }
  })
  await cp(older, homePaths(template).podDb, { recursive: true })
  let homes = 0
  return {
    async newHome() {
      const home = join(folder.path, `home-${homes++}`)
      await cp(template, home, { recursive: true })
      return home
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]()
  }
}

export const exportsIn = async (home: string): Promise<string[]> =>
  (await readdir(homePaths(home).upgrades)).filter(name => name.endsWith('.export'))

export async function assertUpgraded(state: WholeState): Promise<void> {
  const rows = await state.list('addresses')
  assert.equal(rows.length, 3)
  for (const { value } of rows) {
    assert.equal(
      decodeCbor(value, 'it', it => (it as number[])[0], 1_024),
      2
    )
    assert.equal(addressRow.decode(value).policy, 'pull')
  }
  assert.equal((await state.list('accounts')).length, 3)
  const sum = await sumOf(state.contents())
  assert.deepEqual([sum.logs, sum.entries], [4, 12], 'three mailboxes of three, and what is told')
}
