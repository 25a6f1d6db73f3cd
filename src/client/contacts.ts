import { equalBytes } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { Emit } from '../base/events.ts'
import type { Clock, Log } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import { readCertificate } from '../keys/certificate.ts'
import { checkCertification } from '../keys/certify.ts'
import { readAlias } from '../pod/alias.ts'
import type { State } from '../store/state.ts'
import type { Contact } from './client.ts'
import type { ContactRow, Route } from './contact-rows.ts'
import { contactTable } from './contact-rows.ts'
import type { Pods } from './pods.ts'
import { abortable } from './waiting.ts'

/** A pinned contact with its certificate parsed. */
export interface Known {
  readonly alias: string
  readonly certificate: Certificate
  readonly row: ContactRow
}

/** Whom we know by which key. The first key seen is pinned; another one is refused until the person accepts it. */
export interface Contacts {
  /** @returns undefined for an alias never pinned. */
  known(alias: string): Promise<Known | undefined>
  /**
   * The contact to seal to: pinned, or asked for now.
   * @throws {MuttrError} `KEY_CHANGED`, `ALIAS_UNKNOWN`, `POD_UNKNOWN`, `POD_UNREACHABLE`, …
   */
  recipient(alias: string, signal: AbortSignal): Promise<Known>
  /** Where its notices go: as long as the last answer is valid, without asking. @throws as {@link recipient} */
  route(alias: string, signal: AbortSignal): Promise<{ known: Known; route: Route }>
  /** After the pod refused a notice: its answer is no longer believed. */
  forgetRoute(alias: string): Promise<void>
  /** Asks the pod. @throws as {@link recipient} */
  lookup(alias: string, signal: AbortSignal): Promise<Known>
  /**
   * Somebody showed this certificate under this alias, in a letter that it signed. Pinned when the alias is new and its pod
   * certified the key. @returns the contact when this is its key, undefined when nobody says so. @throws {MuttrError} `KEY_CHANGED`
   */
  met(alias: string, certificate: Certificate): Promise<Known | undefined>
  /** They wrote to us: our letters need not carry our certificate any longer. */
  knowsUs(alias: string): Promise<void>
  list(): Promise<Contact[]>
  show(known: Known): Promise<Contact>
  accept(alias: string): Promise<Contact>
  verify(alias: string, fingerprint?: string): Promise<Contact>
  import(bytes: Uint8Array, alias?: string): Promise<Contact[]>
}

export interface ContactsParts {
  state: State
  clock: Clock
  log: Log
  pods: Pick<Pods, 'link' | 'certificateOf'>
  emit: Emit
  /** Fingerprints that a join link named, by alias. */
  vouched: Readonly<Record<string, string>>
  /** Ends with the client. */
  life: AbortSignal
}

/** Parsed certificates kept in memory; more are parsed again from the disk. */
const cacheMax = 1_000

export function createContacts({
  state,
  clock,
  log,
  pods,
  emit,
  life,
  vouched
}: ContactsParts): Contacts {
  const table = contactTable(state, log)
  const cache = new Map<string, Known>()
  const asking = new Map<string, Promise<Known>>()

  const remember = (known: Known): Known => {
    cache.delete(known.alias)
    cache.set(known.alias, known)
    if (cache.size > cacheMax) cache.delete(cache.keys().next().value!)
    return known
  }

  async function known(alias: string): Promise<Known | undefined> {
    const cached = cache.get(alias)
    if (cached) return cached
    const row = await table.get(alias)
    if (!row) return undefined
    return cache.get(alias) ?? remember({ alias, certificate: await parse(row.certificate), row })
  }

  /** Known here at once, so that two changes to one row follow each other; durable when it resolves. */
  async function save(alias: string, row: ContactRow, certificate: Certificate): Promise<Known> {
    const saved = remember({ alias, certificate, row })
    try {
      await state.write([table.put(alias, row)])
    } catch (err) {
      cache.delete(alias)
      throw err
    }
    return saved
  }

  /** Pins at first sight, else adds what was learned to the pinned row. @throws {MuttrError} `KEY_CHANGED` */
  async function learn(
    alias: string,
    shown: Certificate,
    learned: Partial<ContactRow>,
    { byPod, given = false }: { byPod: boolean; given?: boolean }
  ): Promise<Known> {
    const pinned = await known(alias)
    if (pinned) await checkPin(pinned, shown, byPod)
    else if (!given) checkVouched(alias, shown)
    const row = cache.get(alias)?.row ?? firstRow(shown, clock.now())
    return save(alias, { ...row, certificate: shown.bytes, ...learned }, shown)
  }

  const change = async (k: Known, changes: Partial<ContactRow>): Promise<Known> =>
    save(k.alias, { ...(cache.get(k.alias) ?? k).row, ...changes }, k.certificate)

  const need = async (text: string): Promise<Known> => {
    const found = await known(readAlias(text).full)
    if (!found) throw new MuttrError('CONTACT_UNKNOWN', `no contact ${text}`)
    return found
  }

  async function certifiedUntil(alias: string, shown: Certificate, by: Certificate | undefined) {
    if (!by) return null
    const nowMs = clock.now()
    try {
      return (await checkCertification(shown, { userId: alias, by, nowMs })).untilMs
    } catch (err) {
      log.debug('a certificate is not certified by its pod', { code: codeOf(err) })
      return null
    }
  }

  /** Refuses another key than the pinned one, and remembers that it was shown when the pod stands behind it. */
  async function checkPin(pinned: Known, shown: Certificate, byPod: boolean): Promise<void> {
    if (pinned.certificate.pin === shown.pin) return
    const before = pinned.row.changed
    if (byPod && !(before && equalBytes(before, shown.bytes)))
      await change(pinned, { changed: shown.bytes })
    const what = `${pinned.alias} shows the key ${shown.fingerprint}, not ${pinned.certificate.fingerprint}`
    throw new MuttrError('KEY_CHANGED', what)
  }

  function checkVouched(alias: string, { fingerprint }: Certificate): void {
    if (!Object.hasOwn(vouched, alias) || vouched[alias] === fingerprint) return
    throw new MuttrError(
      'KEY_CHANGED',
      `${alias} shows the key ${fingerprint}, not ${vouched[alias]}`,
      {
        hint: 'The join link named another key: ask the person, then `muttr key import` the right one.'
      }
    )
  }

  async function ask(alias: string): Promise<Known> {
    const startMs = clock.now()
    const link = await pods.link(readAlias(alias).hostname, life)
    const answer = await link.lookup(alias)
    const shown = answer.certificate
    const certifiedUntilMs = await certifiedUntil(alias, shown, link.pod.certificate)
    const route = { intro: answer.intro, hpkeKey: answer.hpkeKey, untilMs: answer.validUntilMs }
    const pin = (await known(alias)) ? 'known' : 'new'
    const learned = await learn(alias, shown, { certifiedUntilMs, route }, { byPod: true })
    const { fingerprint } = shown
    emit({ type: 'looked-up', alias, fingerprint, pin, ms: clock.now() - startMs })
    return learned
  }

  /** Ten letters to one stranger ask once. */
  function lookup(alias: string, signal: AbortSignal): Promise<Known> {
    let under = asking.get(alias)
    if (!under) {
      under = ask(alias).finally(() => asking.delete(alias))
      asking.set(alias, under)
    }
    return abortable(under, signal)
  }

  async function show({ alias, certificate, row }: Known): Promise<Contact> {
    return {
      alias,
      fingerprint: certificate.fingerprint,
      pin: certificate.pin,
      pinnedMs: row.pinnedMs,
      verified: row.verified,
      certifiedByPod: row.certifiedUntilMs !== null && row.certifiedUntilMs > clock.now(),
      changedTo: row.changed && (await parse(row.changed)).fingerprint
    }
  }

  const mustNotHaveChanged = ({ alias, row }: Known) => {
    if (row.changed) throw new MuttrError('KEY_CHANGED', `${alias} shows another key than before`)
  }

  return {
    known,
    lookup,
    show,
    async recipient(alias, signal) {
      const found = (await known(alias)) ?? (await lookup(alias, signal))
      mustNotHaveChanged(found)
      return found
    },
    async route(alias, signal) {
      const found = await known(alias)
      if (found) mustNotHaveChanged(found)
      if (found?.row.route && found.row.route.untilMs > clock.now())
        return { known: found, route: found.row.route }
      const asked = await lookup(alias, signal)
      if (!asked.row.route) throw new MuttrError('POD_UNREACHABLE', `no address of ${alias}`)
      return { known: asked, route: asked.row.route }
    },
    async forgetRoute(alias) {
      const found = await known(alias)
      if (found?.row.route) await change(found, { route: null })
    },
    async met(alias, certificate) {
      const pinned = await known(alias)
      if (pinned) {
        await checkPin(pinned, certificate, false)
        return pinned
      }
      const by = await pods.certificateOf(readAlias(alias).hostname)
      const certifiedUntilMs = await certifiedUntil(alias, certificate, by)
      if (certifiedUntilMs === null) return undefined
      return learn(alias, certificate, { certifiedUntilMs }, { byPod: true })
    },
    async knowsUs(alias) {
      const found = await known(alias)
      if (found && !found.row.knowsUs) await change(found, { knowsUs: true })
    },
    async list() {
      const rows = await table.list()
      return Promise.all(
        rows.map(async ({ key, value }) =>
          show(
            cache.get(key) ?? {
              alias: key,
              certificate: await parse(value.certificate),
              row: value
            }
          )
        )
      )
    },
    async accept(alias) {
      const found = await need(alias)
      if (!found.row.changed) return show(found)
      const certificate = await parse(found.row.changed)
      const by = await pods.certificateOf(readAlias(found.alias).hostname)
      const certifiedUntilMs = await certifiedUntil(found.alias, certificate, by)
      const row = { ...firstRow(certificate, clock.now()), certifiedUntilMs }
      return show(await save(found.alias, row, certificate))
    },
    async verify(alias, fingerprint) {
      const found = await need(alias)
      const given = fingerprint?.replaceAll(/[\s:]/g, '').toLowerCase()
      if (given !== undefined && given !== found.certificate.fingerprint)
        throw new MuttrError(
          'KEY_CHANGED',
          `${found.alias} is pinned as ${found.certificate.fingerprint}`
        )
      return show(await change(found, { verified: true }))
    },
    async import(bytes, alias) {
      const certificate = await readCertificate(bytes)
      const aliases = alias === undefined ? aliasesOf(certificate) : [readAlias(alias).full]
      if (aliases.length === 0)
        throw new MuttrError('ALIAS_INVALID', 'the certificate names no alias; give one')
      const contacts: Contact[] = []
      for (const full of aliases)
        contacts.push(await show(await learn(full, certificate, {}, { byPod: true, given: true })))
      return contacts
    }
  }
}

const firstRow = (certificate: Certificate, pinnedMs: number): ContactRow => ({
  certificate: certificate.bytes,
  pinnedMs,
  verified: false,
  certifiedUntilMs: null,
  changed: null,
  route: null,
  knowsUs: false
})

async function parse(bytes: Uint8Array): Promise<Certificate> {
  try {
    return await readCertificate(bytes)
  } catch (cause) {
    throw new MuttrError('HOME_DAMAGED', 'a contact cannot be read', { cause })
  }
}

/** User IDs that are aliases, bare or in brackets as in `Alice <alice@pod.example>`. */
function aliasesOf(certificate: Certificate): string[] {
  const found = new Set<string>()
  for (const userId of certificate.userIds) {
    const text = /<([^<>]+)>\s*$/.exec(userId)?.[1] ?? userId
    try {
      found.add(readAlias(text.trim()).full)
    } catch {
      // A User ID need not be an alias.
    }
  }
  return [...found]
}
