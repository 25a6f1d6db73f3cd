import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { PodOverview } from '../../../api/overview.ts'
import type { Finding } from '../../../pod/health.ts'
import { nowMs } from '../../clock.ts'
import { sentence } from '../../data/toasts.ts'
import { Button } from '../../parts/basics.tsx'
import { Icon, type IconName } from '../../parts/icons.tsx'
import { href } from '../../route.ts'
import { apart, count, size } from '../../text/format.ts'
import { get } from '../data/ask.ts'
import { useLoad } from '../data/live.ts'
import { Desk, Known } from '../parts/desk.tsx'

interface OverviewProps {
  /** Places that have no room in the bar of a phone. */
  more: readonly { view: string; name: string }[]
}

export function Overview({ more }: OverviewProps): JSX.Element {
  const overview = useLoad(() => get<PodOverview>('pod/overview'))
  return (
    <Desk title="Overview">
      <Known of={overview}>{pod => <Figures pod={pod} />}</Known>
      <Findings />
      <nav class="only-on-phone" aria-label="More places">
        <ul class="names">
          {more.map(({ view, name }) => (
            <li>
              <a class="button" href={href(view)}>
                {name}
              </a>
            </li>
          ))}
        </ul>
      </nav>
    </Desk>
  )
}

function Figures({ pod }: { pod: PodOverview }): JSX.Element {
  const { usage, disk, memory, door } = pod
  return (
    <div class="cards">
      <Tile title="People" figure={count(usage.accounts, 'account')} to="people">
        {usage.aliases} aliases; room for {pod.accountsMax.toLocaleString('en')} accounts
      </Tile>
      <Tile
        title="Wait for you"
        figure={`${pod.waiting + pod.reports}`}
        isCall={pod.waiting + pod.reports > 0}
      >
        <a href={href('applications')}>{count(pod.waiting, 'application')}</a>,{' '}
        <a href={href('reports')}>{count(pod.reports, 'report')}</a>
      </Tile>
      <Tile title="Notices" figure={count(usage.notices, 'notice')}>
        {size(usage.bytes)} that wait for their readers; {usage.queued} for{' '}
        <a href={href('peers')}>other pods</a>
      </Tile>
      <Tile title="Connected" figure={count(usage.sessions, 'client')}>
        {count(pod.neighbours, 'neighbour')} in the network;{' '}
        {count(pod.processes, 'process', 'processes')} of this pod
      </Tile>
      <Tile title="Disk" figure={`${size(disk.freeBytes)} free`}>
        <Meter label="Disk used" free={disk.freeBytes} total={disk.totalBytes} />
      </Tile>
      <Tile title="Memory" figure={`${size(memory.freeBytes)} free`}>
        <Meter label="Memory used" free={memory.freeBytes} total={memory.totalBytes} />
        <span>{size(memory.processBytes)} of it by this process</span>
      </Tile>
      <Tile title="Door" figure={door ? door.mode : 'off'} isCall={Boolean(door?.problem)}>
        {door?.problem
          ? `${sentence(door.problem.message)} ${door.problem.hint}`
          : door?.untilMs
            ? `Certificate for ${apart(door.untilMs, nowMs.value).replace(/^in /, '')}`
            : door
              ? 'A proxy has the certificate'
              : 'Nothing but Muttr reaches this pod'}
      </Tile>
      <Tile
        title="Backup"
        figure={pod.backupMs === null ? 'None yet' : apart(pod.backupMs, nowMs.value)}
        to="settings"
        isCall={pod.backupMs === null}
      >
        Version {pod.version}, started {apart(pod.startedMs, nowMs.value)}
      </Tile>
    </div>
  )
}

const Tile = ({
  title,
  figure,
  to,
  isCall = false,
  children
}: {
  title: string
  figure: string
  to?: string
  isCall?: boolean
  children?: unknown
}): JSX.Element => (
  <section class={`tile${isCall ? ' call' : ''}`}>
    <h2>{title}</h2>
    <p class="figure">{figure}</p>
    <div class="hint">{children as JSX.Element}</div>
    {to && <a href={href(to)}>To the {to}</a>}
  </section>
)

const Meter = ({
  label,
  free,
  total
}: {
  label: string
  free: number
  total: number
}): JSX.Element => <meter class="bar" aria-label={label} min={0} max={total} value={total - free} />

const marks: Record<Finding['level'], IconName> = {
  good: 'check',
  warning: 'warning',
  bad: 'warning'
}

/** What the doctor sees: DNS, door, disk, memory, clock, and whether the network is big enough. */
function Findings(): JSX.Element {
  const asked = useSignal(0)
  // It asks name servers and others: now, and when somebody wants to know.
  const found = useLoad(() => get<Finding[]>('pod/doctor'), [asked.value], false)
  return (
    <section class="stack">
      <div class="desk-head">
        <h2>Health</h2>
        <Button onClick={() => asked.value++}>Look again</Button>
      </div>
      <Known of={found}>
        {findings => (
          <ul class="desk-item">
            {findings
              .toSorted((a, b) => Number(a.level === 'good') - Number(b.level === 'good'))
              .map(({ what, level, detail, hint }) => (
                <li class={`finding ${level}`}>
                  <Icon name={marks[level]} />
                  <div>
                    <p>
                      <strong>{what}</strong> <span class="unseen">{level}</span> {detail}
                    </p>
                    {hint && <p class="hint">{hint}</p>}
                  </div>
                </li>
              ))}
          </ul>
        )}
      </Known>
    </section>
  )
}
