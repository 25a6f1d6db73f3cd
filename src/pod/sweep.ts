import type { Log, Millis } from '../base/ports.ts'
import type { State } from '../store/state.ts'
import type { Directory } from './directory.ts'
import type { Invites } from './invites.ts'
import type { Mailbox } from './mailbox.ts'
import type { Registry } from './registry.ts'
import { tables } from './rows.ts'
import { rowsOf } from './scan.ts'

interface Parts {
  state: State
  registry: Registry
  mailbox: Mailbox
  directory: Directory
  invites: Invites
  log: Log
  nowMs: Millis
  ended: () => boolean
}

/** One round through everything a pod keeps: what has expired by `nowMs` goes. */
export async function sweep(parts: Parts): Promise<void> {
  const { state, registry, mailbox, directory, invites, log, nowMs, ended } = parts
  let notices = 0
  for await (const { key } of rowsOf(state, tables.boxes)) {
    if (ended()) return
    notices += await mailbox.sweep(key, nowMs)
  }
  const aliases = await registry.sweep(nowMs)
  for await (const { key } of rowsOf(state, tables.accounts)) {
    if (ended()) return
    if ((await mailbox.isEmpty(key)) && (await registry.forget(key, nowMs)))
      await mailbox.forget(key)
  }
  const addresses = await directory.sweep(nowMs)
  const used = await invites.sweep(nowMs)
  log.debug('pod.swept', { notices, aliases, addresses, invites: used })
}
