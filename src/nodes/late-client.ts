import type { AdminDesk } from '../api/admin/desk.ts'
import type { Client } from '../client/client.ts'
import type { Events } from '../client/events.ts'

/**
 * A client that hands each call to the one that runs at that moment. Events are those of the process: they go on when a node is started
 * again.
 * @param current throws while none runs
 */
export const lateClient = (current: () => Client, events: Events): Client =>
  late(current, { events: events.stream })

/**
 * Hands each call to what is there at that moment. What refuses does so as the call's own result.
 * @param current throws while there is none
 * @param own is there all the time
 */
export const late = <T extends object>(current: () => T, own: Partial<T> = {}): T =>
  new Proxy({} as T, {
    get(_, name) {
      const key = name as keyof T
      return (
        own[key] ??
        (async (...given: never[]) => {
          const target = current()
          return await (target[key] as (...given: never[]) => unknown).apply(target, given)
        })
      )
    }
  })

/** The same of what the admin page asks of a pod. @param current throws while none runs */
export const lateDesk = (current: () => AdminDesk): AdminDesk => ({
  admin: late(() => current().admin, {
    proposeCodes: operator => current().admin.proposeCodes(operator)
  }),
  as: name => current().as(name),
  watch: wake => current().watch(wake),
  backup: (as, options) => current().backup(as, options),
  settings: () => current().settings(),
  change: (as, change) => current().change(as, change)
})
