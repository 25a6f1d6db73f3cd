import { MuttrError } from '../base/errors.ts'
import type { Clock } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import { readCertificate } from '../keys/certificate.ts'
import { withOwnNews } from '../keys/published.ts'
import type { State } from '../store/state.ts'
import type { AliasName } from './alias.ts'
import type { Hostnames } from './hostnames.ts'
import { keyIdOf } from './public-index.ts'
import type { Registry } from './registry.ts'
import type { AccountId } from './rows.ts'
import { tables, under } from './rows.ts'

/** An alias with the certificate that was certified for it, or that its owner or the pod revoked since. */
export interface Published {
  /** `alice@pod.example` */
  readonly alias: string
  readonly certificate: Uint8Array
}

/** What anybody may see of who is here, looked up as mail programs and OpenPGP programs do. Never says why there is nothing. */
export interface PublicDirectory {
  /** @param alias whole, or the name alone. */
  byName(alias: string): Promise<Published | undefined>
  /** @param hash of a Web Key Directory: `wkdHash` of src/wire/wkd.ts. @returns one key, under each hostname that the pod certifies it for */
  byHash(hash: string): Promise<Published[]>
  /** @param id key id (16 digits) or fingerprint (40 or 64), lower-case hex. @returns the aliases of such keys. */
  byKey(id: string): Promise<Published[]>
  /**
   * Shows from now on what the owner of a key here has signed anew of it, whoever brings it. Of a revocation, that it is revoked.
   * @returns how many aliases the key has. @throws {MuttrError} `KEY_INVALID`, `ALIAS_UNKNOWN` for a key that has none
   */
  take(certificate: Certificate): Promise<number>
}

/** Two keys with one id can be made. */
const keysOfIdMax = 8

export function createPublicDirectory(parts: {
  state: State
  clock: Clock
  registry: Registry
  names: Hostnames
}): PublicDirectory {
  const { state, clock, registry, names } = parts
  const published = async (name: AliasName): Promise<Published[]> => {
    const row = await registry.shown(name, clock.now())
    if (!row) return []
    const { certificate } = row
    return (await names.of(name)).map(at => ({ alias: `${name}@${at}`, certificate }))
  }
  /** What it had is asked for too: the pod may show that it took a name back. */
  const namesOf = async (account: AccountId): Promise<AliasName[]> => {
    const rows = [tables.owned, tables.released].map(table => state.list(table, under(account)))
    return (await Promise.all(rows)).flat().map(({ key }) => key.slice(account.length + 1))
  }
  const accountOfKey = async (fingerprint: string): Promise<string | undefined> => {
    const row = await state.get(tables.keys, `${keyIdOf(fingerprint)}/${fingerprint}`)
    return row && Buffer.from(row).toString()
  }
  /** @returns whether the key has that alias, or had it. */
  const renew = async (name: AliasName, shown: Certificate): Promise<boolean> => {
    if (shown.revoked) return await revoke(name, shown)
    const row = await registry.find(name, clock.now())
    if (!row) return false
    const known = await readCertificate(row.certificate)
    const certificate = await withOwnNews(known, shown)
    if (certificate === known) return true
    const { pin } = certificate
    const [at] = await names.of(name)
    const alias = `${name}@${at}`
    await registry.register({ alias, pin, certificate, invite: null, nowMs: clock.now() })
    return true
  }
  /** A name that its owner left says it too: whoever took the key may have taken the name elsewhere. */
  const revoke = async (name: AliasName, shown: Certificate): Promise<boolean> => {
    try {
      await registry.revoke(name, shown, clock.now())
      return true
    } catch (err) {
      if (err instanceof MuttrError && err.code === 'ALIAS_UNKNOWN') return false
      throw err
    }
  }

  return {
    async take(shown) {
      const account = await accountOfKey(shown.fingerprint)
      let count = 0
      for (const name of account === undefined ? [] : await namesOf(account))
        if (await renew(name, shown)) count++
      if (count === 0) throw new MuttrError('ALIAS_UNKNOWN', 'this key has no alias here')
      return count
    },
    async byName(alias) {
      try {
        const { name, at } = names.read(alias)
        return (await published(name)).find(one => one.alias === `${name}@${at}`)
      } catch {
        return undefined
      }
    },
    async byHash(hash) {
      const name = await state.get(tables.hashes, hash)
      return name ? await published(Buffer.from(name).toString()) : []
    },
    async byKey(id) {
      const isWhole = id.length > 16
      const range = under(isWhole ? keyIdOf(id) : id)
      const rows = await state.list(tables.keys, { ...range, limit: keysOfIdMax })
      const wanted = rows.filter(({ key }) => !isWhole || key.endsWith(`/${id}`))
      const found: Published[] = []
      for (const { value } of wanted)
        for (const name of await namesOf(Buffer.from(value).toString()))
          found.push(...(await published(name)))
      return found
    }
  }
}
