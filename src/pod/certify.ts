import type { Millis } from '../base/ports.ts'
import { namesAlias } from '../keys/alias-user-id.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Person } from '../keys/person.ts'
import type { AliasName } from './alias.ts'
import type { Hostnames } from './hostnames.ts'
import { podTimes } from './limits.ts'

/** @param hostnames all where the alias is certified unless told; those that the certificate does not name are left out. */
export type Certify = (
  name: AliasName,
  certificate: Certificate,
  nowMs: Millis,
  hostnames?: readonly string[]
) => Promise<{ certificate: Certificate; untilMs: Millis }>

/** The pod's word that an alias is whose key it is, for a year, under each of its hostnames. */
export const createCertify =
  ({
    crypto,
    person,
    names
  }: {
    crypto: Crypto
    /** The pod's own key. */
    person: Person
    names: Pick<Hostnames, 'of'>
  }): Certify =>
  async (name, certificate, nowMs, hostnames) => {
    const lifeMs = podTimes.certificationLifeMs
    const aliases = (hostnames ?? (await names.of(name))).map(at => `${name}@${at}`)
    const named = aliases.filter(alias => certificate.userIds.some(id => namesAlias(id, alias)))
    let certified = certificate
    for (const alias of named.length > 0 ? named : aliases.slice(0, 1))
      certified = await crypto.certify(person, { certificate: certified, alias, nowMs, lifeMs })
    return { certificate: certified, untilMs: nowMs + lifeMs }
  }
