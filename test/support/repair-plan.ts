import { sha256 } from '../../src/base/bytes.ts'
import type { Contact } from '../../src/base/ports.ts'
import type { RepairPlanOptions } from '../../src/replicas/repair.ts'
import { RepairPlan } from '../../src/replicas/repair.ts'
import type {
  AskAction,
  ProveAction,
  PushAction,
  RepairAction,
  RepairAnswer,
  RepairTask
} from '../../src/replicas/repair-actions.ts'

export const hourMs = 3_600_000
export const peer = (n: number): Contact => ({ peer: `peer ${n}`, addresses: [] })
export const peers = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => peer(from + i))
export const key = (n: number) => sha256(Buffer.from(`${n}`))
export const flush = { flush: true }

/** A repair plan, with what tests say to it and take from it. */
export function begin(options: Partial<RepairPlanOptions> = {}) {
  const usual = {
    replicas: 8,
    bytesPerHour: 1e12,
    graceMs: 24 * hourMs,
    retryMs: 60_000,
    nowMs: 0
  }
  const plan = new RepairPlan({ ...usual, ...options })
  const poll = (nowMs = 0): RepairAction[] => plan.poll(nowMs, flush)
  const of =
    <T extends RepairAction['type']>(type: T) =>
    (actions: RepairAction[]) =>
      actions.filter((a): a is Extract<RepairAction, { type: T }> => a.type === type)
  return {
    plan,
    poll,
    asks: of('ask'),
    proves: of('prove'),
    pushes: of('push'),
    drops: of('drop'),
    add: (n: number, o: Partial<RepairTask> = {}, nowMs = 0) =>
      plan.add(
        { key: key(n), kind: 'blob', lengthBytes: 1_000, circle: peers(7), inside: true, ...o },
        nowMs
      ),
    /** All that are asked say the same, or what `answers` says of them. */
    hear(actions: RepairAction[], answers: Record<number, RepairAnswer> = {}, nowMs = 0) {
      for (const action of of('ask')(actions)) {
        const said = answers[Number(action.contact.peer.slice(5))] ?? 'blob'
        const all = action.keys.map(() => said)
        plan.answered(action, all, { nowMs, dice: 0.999 })
      }
    }
  }
}
export const peersOf = (actions: (AskAction | ProveAction | PushAction)[]) =>
  actions.map(a => a.contact.peer).sort()
