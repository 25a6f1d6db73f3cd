import type { Change, State } from '../store/state.ts'
import { wkdHash } from '../wire/wkd.ts'
import type { AliasName } from './alias.ts'
import type { AccountId } from './rows.ts'
import { accountRow, aliasRow, tables } from './rows.ts'
import { rowsOf } from './scan.ts'

/** By what strangers look for keys: how a Web Key Directory hashes a name, how a key server names a key. */

/** Of an OpenPGP fingerprint (RFC 9580, 5.5.4): version 4 ends with it, version 6 begins. */
export const keyIdOf = (fingerprint: string): string =>
  fingerprint.length === 40 ? fingerprint.slice(-16) : fingerprint.slice(0, 16)

export const putHash = (name: AliasName): Change => ({
  type: 'put',
  table: tables.hashes,
  key: wkdHash(name),
  value: new Uint8Array(Buffer.from(name))
})
export const deleteHash = (name: AliasName): Change => ({
  type: 'delete',
  table: tables.hashes,
  key: wkdHash(name)
})

const keyRow = (fingerprint: string): string => `${keyIdOf(fingerprint)}/${fingerprint}`

export const putKey = (fingerprint: string, account: AccountId): Change => ({
  type: 'put',
  table: tables.keys,
  key: keyRow(fingerprint),
  value: new Uint8Array(Buffer.from(account))
})
export const deleteKey = (fingerprint: string): Change => ({
  type: 'delete',
  table: tables.keys,
  key: keyRow(fingerprint)
})

const mark = 'indexed'

/** Makes the index of a pod that had none yet. */
export async function indexOnce(state: State): Promise<void> {
  if (await state.get(tables.pod, mark)) return
  for await (const { key, value } of rowsOf(state, tables.aliases))
    if (aliasRow.decode(value).state === 'active') await state.write([putHash(key)])
  for await (const { key, value } of rowsOf(state, tables.accounts))
    await state.write([putKey(accountRow.decode(value).fingerprint, key)])
  await state.write([{ type: 'put', table: tables.pod, key: mark, value: new Uint8Array([1]) }])
}
