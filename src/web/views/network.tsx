import { useSignal } from '@preact/signals'
import type { ComponentChildren, JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { NetworkView } from '../../api/house.ts'
import { clock, nowMs } from '../clock.ts'
import { json } from '../data/ask.ts'
import { changes } from '../data/mailbox.ts'
import { setup, status } from '../data/session.ts'
import { attempt, sentence } from '../data/toasts.ts'
import { Spinner } from '../parts/basics.tsx'
import { Ring } from '../parts/ring.tsx'
import { href } from '../route.ts'
import { apart, count, size } from '../text/format.ts'

const lookMs = 10_000

const reaches = {
  direct: 'Others reach your node directly',
  mapped: 'Others reach your node through your router',
  relayed: 'Others reach your node through a relay',
  none: 'Others cannot reach your node'
} as const

/** Where this node stands, and what it does for others. */
export function Network(): JSX.Element {
  const view = useSignal<NetworkView | null>(null)
  const isRunning = setup.value?.state === 'running'
  useEffect(() => {
    if (!isRunning) return
    let timer: Disposable | undefined
    let isOver = false
    const look = async () => {
      if (document.visibilityState === 'visible')
        view.value = (await attempt(() => json<NetworkView>('/network'))) ?? view.value
      if (!isOver) timer = clock.after(lookMs, () => void look())
    }
    void look()
    return () => {
      isOver = true
      timer?.[Symbol.dispose]()
    }
  }, [isRunning, changes.value > 0])
  const now = status.value
  if (!view.value || !now) return <Spinner label="Looking around" />
  const { traffic, repair, admission, connections } = now.node
  const connected = view.value.peers.filter(peer => peer.connected)
  return (
    <div class="page-view scroll">
      <header class="pane-head">
        <h1>Network</h1>
        <span class="muted">{now.network}</span>
      </header>
      <div class="network">
        <figure class="ring-box">
          <Ring view={view.value} />
          <figcaption>
            Every node has a place on a ring, and so has every letter. The eight nodes nearest to a
            letter keep it.{' '}
            {admission.networkSize !== null && (
              <>About {count(admission.networkSize, 'node')} are here.</>
            )}
          </figcaption>
        </figure>
        <div class="cards">
          <Card title="Kept for others">
            <p class="figure">{size(now.store.bytes)}</p>
            <Bar part={now.store.bytes} whole={now.store.capBytes} label="Of what you allow" />
            <p class="hint">
              {count(now.store.blobs, 'sealed letter')} of other people, which you cannot read. You
              allow {size(now.store.capBytes)}. <a href={href('settings')}>Change</a>
            </p>
          </Card>
          <Card title="Traffic since the start">
            <dl class="pairs">
              <dt>Received</dt>
              <dd>{size(traffic.inBytes)}</dd>
              <dt>Sent</dt>
              <dd>{size(traffic.outBytes)}</dd>
              <dt>Caps</dt>
              <dd>
                {cap(traffic.downBytesPerSecond)} down, {cap(traffic.upBytesPerSecond)} up
              </dd>
            </dl>
          </Card>
          <Card title="Reach">
            <p>{reaches[now.node.reach.how]}.</p>
            <p class="hint">{sentence(now.node.reach.reason)}</p>
          </Card>
          <Card title="Repair">
            <dl class="pairs">
              <dt>Copies checked</dt>
              <dd>{repair.checked.toLocaleString('en')}</dd>
              <dt>Brought back</dt>
              <dd>
                {repair.pushed.toLocaleString('en')} ({size(repair.pushedBytes)})
              </dd>
              <dt>Last round</dt>
              <dd>
                {repair.lastSweepMs === null ? 'none yet' : apart(repair.lastSweepMs, nowMs.value)}
              </dd>
            </dl>
          </Card>
          <Card title="Your pods">
            {now.pods.length === 0 ? (
              <p class="hint">You have no address yet.</p>
            ) : (
              <ul class="plain-list">
                {now.pods.map(pod => (
                  <li>
                    <span class={`lamp ${pod.connected ? 'on' : 'off'}`} aria-hidden="true" />{' '}
                    {pod.hostname}
                    <span class="hint">
                      {' '}
                      {pod.connected
                        ? pod.aliases.join(', ')
                        : (pod.problem?.message ?? 'not connected')}
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </Card>
          <Card title={count(connected.length, 'neighbour')}>
            <p class="hint">
              {connections.open} of at most {connections.max} connections are open.
            </p>
            <table class="peers">
              <thead>
                <tr>
                  <th scope="col">Node</th>
                  <th scope="col">Answers in</th>
                </tr>
              </thead>
              <tbody>
                {connected.slice(0, 20).map(peer => (
                  <tr>
                    <td>
                      <code>…{peer.peer.slice(-8)}</code>
                    </td>
                    <td>
                      {peer.roundTripMs === null
                        ? 'not measured'
                        : `${Math.round(peer.roundTripMs)} ms`}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Card>
        </div>
      </div>
    </div>
  )
}

const cap = (bytesPerSecond: number | null): string =>
  bytesPerSecond === null ? 'none' : `${size(bytesPerSecond)}/s`

const Card = ({ title, children }: { title: string; children: ComponentChildren }): JSX.Element => (
  <section class="tile">
    <h2>{title}</h2>
    {children}
  </section>
)

const Bar = ({
  part,
  whole,
  label
}: {
  part: number
  whole: number
  label: string
}): JSX.Element => <meter class="bar" min={0} max={whole} value={part} aria-label={label} />
