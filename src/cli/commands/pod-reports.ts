import type { Command } from 'commander'
import type { ReportView } from '../../pod/office/reports.ts'
import { example } from '../example.ts'
import type { Output } from '../output.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { line, table } from '../text.ts'
import { formatTime, shortId } from '../units.ts'

export function addPodReports(pod: Command, action: Action): void {
  const reports = example(
    pod
      .command('reports')
      .description('what people told about aliases here; nothing of it is proved')
      .action(action(list)),
    'muttr pod reports --home /srv/pod'
  )
  example(
    reports
      .command('close')
      .description('a report was dealt with')
      .argument('<id>', 'its first digits, as listed')
      .option('--reason <text>', 'what was done; only operators see it')
      .action(action(close)),
    "muttr pod reports close 3fa9c2d1 --reason 'suspended for a week' --home /srv/pod"
  )
}

const list = ({ out, withPod }: Session): Promise<void> =>
  withPod(async pod => {
    const reports = await pod.reports()
    await out.results(reports, out => reportsText(out, reports))
  })

function reportsText(out: Output, reports: readonly ReportView[]): string {
  if (reports.length === 0) return 'Nobody told anything.'
  return table({
    ...out,
    heads: ['ID', 'STATE', 'ALIAS', 'KIND', 'TIME', 'FROM', 'LETTER', 'TEXT'],
    rows: reports.map(({ id, isOpen, alias, kind, atMs, account, network, letter, text }) => [
      shortId(id),
      isOpen ? 'open' : 'closed',
      alias,
      kind,
      formatTime(atMs, out.nowMs),
      account ? `account ${shortId(account)}` : (network ?? '-'),
      letter ? shortId(letter) : '-',
      text
    ])
  })
}

const close = (
  { out, withPod }: Session,
  { reason = '' }: { reason?: string },
  id: string
): Promise<void> =>
  withPod(async (pod, by) => {
    const closed = await pod.closeReport(id, { reason, by })
    await out.result(closed, () => `Closed: ${shortId(closed.id)}, about ${line(closed.alias)}.`)
  })
