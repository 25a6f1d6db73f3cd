import { equalBytes, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import { armorCertificate, readCertificate } from '../keys/certificate.ts'
import { certificationOf, certify, withCertification } from '../keys/certify.ts'
import type { Person } from '../keys/person.ts'
import type { State } from '../store/state.ts'
import { bytes, literal, text, tuple, uint } from '../wire/cbor.ts'
import { isBelow } from './alias.ts'
import type { Audit } from './office/audit.ts'
import type { Office } from './office/office.ts'
import type { Row } from './rows.ts'
import { row, tables } from './rows.ts'

/** The pod of a domain above, whose word a pod shows. */
export interface Parent {
  readonly hostname: string
  readonly fingerprint: string
  readonly untilMs: Millis
}

/** A pod's word for the pod of a subdomain. */
export interface Certified {
  /** Of the pod below. */
  readonly hostname: string
  readonly fingerprint: string
  readonly untilMs: Millis
  /** Its certificate with the word, then that of the pod above; armored. */
  readonly certificates: string
}

/** Pods of domains certify those of their subdomains. Source: docs/protocol/keys.md#a-pod-above-a-pod */
export interface Chain {
  /** The pod's certificate, with the word of the pod above while it holds. */
  certificate(): Promise<Uint8Array>
  readonly deeds: Pick<Office, 'certify' | 'parent' | 'setParent' | 'removeParent'>
}

interface Parts {
  state: State
  clock: Clock
  audit: Audit
  person: Person
  hostname: string
}

const dayMs: Millis = 24 * 3_600_000
const lifeUsualMs = 365 * dayMs
const lifeMinMs = 3_600_000
const lifeMaxMs = 3 * lifeUsualMs
const packetBytesMax = 4_096

type ParentRow = Parent & { readonly packet: Uint8Array }
const parentRow: Row<ParentRow> = row(
  'the word of a pod above',
  tuple(
    literal(1),
    text(limits.hostnameCharsMax, 1),
    text(64, 40),
    uint(),
    bytes(1, packetBytesMax)
  ),
  ([, hostname, fingerprint, untilMs, packet]) => ({ hostname, fingerprint, untilMs, packet }),
  p => [1, p.hostname, p.fingerprint, p.untilMs, p.packet],
  packetBytesMax + 512
)
const place = { table: tables.pod, key: 'parent' }

export function createChain({ state, clock, audit, person, hostname }: Parts): Chain {
  const own = person.certificate
  let made: { row: Uint8Array; certificate: Uint8Array } | undefined
  const read = () => state.get(place.table, place.key)

  return {
    async certificate() {
      const kept = await read()
      if (!kept) return own.bytes
      const { untilMs, packet } = parentRow.decode(kept)
      if (untilMs <= clock.now()) return own.bytes
      if (!made || !equalBytes(made.row, kept)) {
        const { bytes: certificate } = await withCertification(own, { alias: hostname, packet })
        made = { row: kept, certificate }
      }
      return made.certificate
    },
    deeds: {
      async certify(by, shown, { lifeMs = lifeUsualMs } = {}) {
        if (!(lifeMs >= lifeMinMs && lifeMs <= lifeMaxMs))
          throw new MuttrError('USAGE', 'a pod is certified for an hour to three years')
        const nowMs = clock.now()
        const certificate = await readCertificate(utf8(shown))
        const child = belowOf(certificate, hostname, nowMs)
        const word = { certificate, alias: child, nowMs, lifeMs: Math.floor(lifeMs) }
        const certified = await certify(person, word)
        const { fingerprint } = certified
        return await audit.act(nowMs, async () => ({
          changes: [],
          deed: { by, action: 'pod.certify', subject: child, detail: fingerprint },
          result: {
            ...{ hostname: child, fingerprint },
            ...(await untilOf(certified, { alias: child, by: own, nowMs })),
            certificates: [certified, own].map(armorCertificate).join('')
          }
        }))
      },
      async parent() {
        const kept = await read()
        if (!kept) return null
        const { packet: _, ...parent } = parentRow.decode(kept)
        return parent
      },
      async setParent(by, shown) {
        const nowMs = clock.now()
        const [certified, above] = await bothOf(shown)
        if (certified.pin !== own.pin)
          throw new MuttrError('KEY_INVALID', 'the certificate is not of this pod’s key')
        // The last one, of a pod that has had others.
        const parent = above.userIds.findLast(name => isBelow(hostname, name))
        if (parent === undefined)
          throw new MuttrError('KEY_INVALID', `${hostname} is no subdomain of the certifier's name`)
        const asked = { alias: hostname, by: above, nowMs }
        const { untilMs, packet } = await certificationOf(certified, asked)
        if (packet.byteLength > packetBytesMax)
          throw new MuttrError('KEY_INVALID', 'a certification of a size that nobody makes')
        await withCertification(own, { alias: hostname, packet })
        const { fingerprint } = above
        const result = { hostname: parent, fingerprint, untilMs }
        const value = parentRow.encode({ ...result, packet })
        return await audit.act(nowMs, async () => ({
          changes: [{ type: 'put', ...place, value }],
          deed: { by, action: 'pod.parent', subject: parent, detail: fingerprint },
          result
        }))
      },
      removeParent: by =>
        audit.act(clock.now(), async () => {
          if (!(await read())) throw new MuttrError('USAGE', 'no pod above certifies this one')
          return {
            changes: [{ type: 'delete', ...place }],
            deed: { by, action: 'pod.parent', subject: hostname, detail: 'none' },
            result: undefined
          }
        })
    }
  }
}

async function untilOf(
  certified: Certificate,
  asked: Parameters<typeof certificationOf>[1]
): Promise<{ untilMs: Millis }> {
  const { untilMs } = await certificationOf(certified, asked)
  return { untilMs }
}

/** The hostname that a certificate is of: its User ID, the last of a pod that has had other names. @throws {MuttrError} `KEY_INVALID` unless it is a subdomain, and can be used */
function belowOf({ userIds, expiresMs }: Certificate, hostname: string, nowMs: Millis): string {
  const child = userIds.findLast(name => isBelow(name, hostname))
  if (child === undefined)
    throw new MuttrError('KEY_INVALID', `not the certificate of a pod below ${hostname}`, {
      hint: `It has a User ID that is a hostname that ends in .${hostname}; it is at https://HOSTNAME/.well-known/muttr/certificate.asc`
    })
  if (expiresMs !== null && expiresMs <= nowMs)
    throw new MuttrError('KEY_INVALID', `the key of ${child} has expired`)
  return child
}

const begin = '-----BEGIN PGP PUBLIC KEY BLOCK-----'

/** @throws {MuttrError} `KEY_INVALID` */
async function bothOf(shown: string): Promise<[Certificate, Certificate]> {
  const [before, first, second, ...more] = shown.split(begin)
  if (before?.trim() !== '' || first === undefined || second === undefined || more.length > 0)
    throw new MuttrError('KEY_INVALID', 'not the two certificates that `muttr pod certify` gives')
  return [await readCertificate(utf8(begin + first)), await readCertificate(utf8(begin + second))]
}
