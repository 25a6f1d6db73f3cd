import { toHex } from '../../base/bytes.ts'
import type { Clock } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import { reservedNames } from '../alias.ts'
import type { PodLimits } from '../limits.ts'
import { newsOf } from '../news.ts'
import type { AccountId, Maker } from '../rows.ts'
import type { ApplicationRow, Applications, ApplicationView } from './applications.ts'
import type { Audit } from './audit.ts'
import { noted, within } from './bounds.ts'
import type { Office } from './office.ts'
import type { ReportRow, Reports, ReportView } from './reports.ts'
import type { Settings } from './settings.ts'
import * as settings from './settings.ts'

interface Parts {
  clock: Clock
  state: State
  hostname: string
  limits: PodLimits
  applications: Applications
  reports: Reports
  audit: Audit
}

type PodDeeds = Pick<
  Office,
  | 'requests'
  | 'approve'
  | 'refuse'
  | 'names'
  | 'reserve'
  | 'allow'
  | 'rates'
  | 'setRate'
  | 'reports'
  | 'closeReport'
>

const burstMax = 1_000_000
const perHourMax = 1_000_000_000

/** Who is let in, which names there are, and how much may be asked. */
export function podDeeds(parts: Parts): PodDeeds {
  const { clock, state, hostname, limits, applications, reports, audit } = parts
  const view = (account: AccountId, { name, ...row }: ApplicationRow): ApplicationView => ({
    account,
    alias: `${name}@${hostname}`,
    ...row
  })

  const reportView = (id: string, { name, letter, ...row }: ReportRow): ReportView => ({
    ...{ id, alias: `${name}@${hostname}`, letter: letter && toHex(letter) },
    ...row
  })

  async function decide(
    by: Maker,
    who: string,
    decision: Pick<ApplicationRow, 'state' | 'reason'>
  ): Promise<ApplicationView> {
    const nowMs = clock.now()
    return await audit.act(nowMs, async () => {
      const account = await applications.find(who, nowMs)
      const { changes, application } = await applications.decide(account, decision, nowMs)
      const action = decision.state === 'approved' ? 'request.approve' : 'request.refuse'
      const detail = `${application.name}. ${decision.reason}`
      const deed = { by, action, subject: account, detail }
      return { changes, deed, result: view(account, application) }
    })
  }

  async function change(
    by: Maker,
    action: string,
    { subject, detail }: { subject: string; detail: string },
    next: (before: Settings) => Settings
  ): Promise<Settings> {
    return await audit.act(clock.now(), async () => {
      const after = next(await settings.readSettings(state))
      const changes: Change[] = [settings.putSettings(after), newsOf({ what: 'settings' })]
      return { changes, deed: { by, action, subject, detail }, result: after }
    })
  }
  const said = ({ reserved, allowed }: Settings) => ({ always: reservedNames, reserved, allowed })
  const listed = (names: readonly string[]) => ({
    subject: names[0] ?? '',
    detail: names.slice(0, 20).join(' ').slice(0, 1_000)
  })

  return {
    requests: async () =>
      (await applications.list(clock.now())).map(([account, row]) => view(account, row)),
    approve: (by, who) => decide(by, who, { state: 'approved', reason: '' }),
    refuse(by, who, { reason }) {
      noted(reason)
      return decide(by, who, { state: 'refused', reason })
    },
    reports: async () => (await reports.list()).map(([id, row]) => reportView(id, row)),
    async closeReport(by, beginning, { reason }) {
      noted(reason)
      return await audit.act(clock.now(), async () => {
        const { changes, id, report } = await reports.close(beginning, reason)
        const detail = `${report.name}. ${reason}`
        const deed = { by, action: 'report.close', subject: id, detail }
        return { changes, deed, result: reportView(id, report) }
      })
    },
    names: async () => said(await settings.readSettings(state)),
    reserve: async (by, names) =>
      said(
        await change(by, 'names.reserve', listed(names), before => settings.reserve(before, names))
      ),
    allow: async (by, names) =>
      said(await change(by, 'names.allow', listed(names), before => settings.allow(before, names))),
    rates: async () => settings.ratesOf(limits, await settings.readSettings(state)),
    async setRate(by, name, rate) {
      const subject = settings.rateNamed(name)
      if (rate) {
        within(rate.burst, burstMax, 'a burst')
        within(rate.perHour, perHourMax, 'what is given back in an hour')
      }
      const detail = rate ? `${rate.burst} at once, ${rate.perHour} an hour` : 'as usual'
      const after = await change(by, 'rate.set', { subject, detail }, before => {
        const { [subject]: _, ...others } = before.rates
        return { ...before, rates: rate ? { ...others, [subject]: rate } : others }
      })
      return settings.ratesOf(limits, after).find(({ rate }) => rate === subject)!
    }
  }
}
