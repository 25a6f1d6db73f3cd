import type { Clock, Log } from '../base/ports.ts'
import type { State } from '../store/state.ts'
import type { Addresses } from './addresses/addresses.ts'
import type { KeyAddresses } from './addresses/keyed.ts'
import { isOfKey, ofAccount } from './addresses/rows.ts'
import type { Admin } from './admin/admin.ts'
import type { Ahead } from './ahead/ahead.ts'
import type { Directory } from './directory.ts'
import type { Dismissals } from './dismissals.ts'
import type { Federation } from './federation/federation.ts'
import type { Invites } from './invites.ts'
import { podTimes } from './limits.ts'
import type { Mailbox } from './mailbox.ts'
import type { Moves } from './moves.ts'
import type { Applications } from './office/applications.ts'
import type { Audit } from './office/audit.ts'
import { sweepRings } from './office/bell.ts'
import type { Reports } from './office/reports.ts'
import type { Standings } from './office/standings.ts'
import type { Registry } from './registry.ts'
import type { AccountId } from './rows.ts'
import { tables } from './rows.ts'
import { rowsOf } from './scan.ts'
import type { Tokens } from './token/tokens.ts'

/** Drops what has expired, every ten minutes, one round at a time. */
export interface Sweeper extends AsyncDisposable {
  /** A round now, or after the one under way. */
  sweep(): Promise<void>
}

interface Parts {
  clock: Clock
  log: Log
  state: State
  registry: Registry
  moves: Moves
  mailbox: Mailbox
  addresses: Addresses
  keyAddresses: KeyAddresses
  directory: Directory
  invites: Invites
  dismissals: Dismissals
  ahead: Ahead | undefined
  /** Other processes serve the pod too. */
  isShared: boolean
  admin: Admin
  audit: Audit
  auditMax: number
  federation: Federation | undefined
  standings: Standings
  applications: Applications
  reports: Reports
  tokens: Tokens | undefined
  sweepNews(): Promise<void>
}

export function createSweeper(parts: Parts): Sweeper {
  const { clock, log } = parts
  const stop = new AbortController()
  let last: Promise<void> = Promise.resolve()
  let timer: Disposable | undefined

  const sweep = (): Promise<void> => {
    last = last.catch(() => undefined).then(() => sweepAll(parts, stop.signal))
    return last
  }
  const schedule = (): void => {
    timer = clock.after(podTimes.sweepEveryMs, () => {
      sweep()
        .catch(err => log.warn('pod.sweep-failed', { err }))
        .then(() => stop.signal.aborted || schedule())
    })
  }
  schedule()
  return {
    sweep,
    async [Symbol.asyncDispose]() {
      stop.abort()
      timer?.[Symbol.dispose]()
      await last.catch(() => undefined)
    }
  }
}

/** One round through everything a pod keeps. Stops between two rows when told to. */
async function sweepAll(
  { clock, log, state, registry, mailbox, directory, invites, dismissals, ahead, ...rest }: Parts,
  signal: AbortSignal
): Promise<void> {
  const nowMs = clock.now()
  const isRemoved = async (account: AccountId): Promise<boolean> =>
    (await rest.standings.of(account, nowMs))?.state === 'removed'
  const isOver = async (box: string): Promise<boolean> =>
    isOfKey(box) ? await rest.keyAddresses.isGone(box) : await isRemoved(box)
  let notices = 0
  const ofKeys = await rest.keyAddresses.sweep(nowMs)
  for await (const { key } of rowsOf(state, tables.boxes)) {
    if (signal.aborted) return
    notices += await ((await isOver(key)) ? mailbox.clear(key) : mailbox.sweep(key, nowMs))
  }
  const aliases = await registry.sweep(nowMs, signal)
  for await (const { key } of rowsOf(state, tables.accounts)) {
    if (signal.aborted) return
    if (!(await mailbox.isEmpty(key)) || !(await registry.forget(key, nowMs))) continue
    await rest.addresses.forget(ofAccount(key))
    await mailbox.forget(key)
  }
  await ahead?.sweep(
    nowMs,
    async account => (await registry.account(account)) !== undefined && !(await isRemoved(account))
  )
  for await (const [account, { state }] of rest.standings.all(nowMs))
    if (state === 'removed') {
      await rest.federation?.queue.forget(account)
      await rest.addresses.forget(ofAccount(account))
    }
  await rest.federation?.forwarder.expire()
  const intros = await directory.sweep(nowMs)
  const over = await rest.addresses.sweep(nowMs)
  for (const { id, address } of over) await mailbox.dropHeld(id, address)
  const ended = await invites.sweep(nowMs)
  const dismissed = await dismissals.sweep(nowMs)
  await rest.moves.sweep(nowMs)
  await rest.standings.sweep(nowMs)
  await rest.applications.sweep(nowMs)
  await rest.reports.sweep(nowMs)
  await rest.admin.sweep(nowMs)
  await sweepRings(state)
  await rest.tokens?.sweep(nowMs)
  await rest.audit.sweep(rest.auditMax)
  await rest.sweepNews()
  if (rest.isShared) {
    await registry.recount()
    await mailbox.recount()
    await rest.keyAddresses.recount()
    await rest.tokens?.door.recount()
    await rest.federation?.forwarder.adopt()
  }
  const addresses = intros + over.length + ofKeys
  const counts = { notices, aliases, addresses, invites: ended, dismissed }
  log.debug('pod.swept', { ...counts, ahead: ahead?.usage() })
}
