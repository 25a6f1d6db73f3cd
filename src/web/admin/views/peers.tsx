import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { PeersView } from '../../../pod/federation/federation.ts'
import { nowMs } from '../../clock.ts'
import { Button, Empty, Trouble } from '../../parts/basics.tsx'
import { useRun } from '../../parts/use-run.ts'
import { apart } from '../../text/format.ts'
import { Safe } from '../../text/safe.tsx'
import { get, part, post } from '../data/ask.ts'
import { useLoad } from '../data/live.ts'
import { isOwner } from '../data/session.ts'
import { done, press } from '../parts/deed.ts'
import { Desk, Known, Line, Paged, Table, Time } from '../parts/desk.tsx'

const policies: Record<PeersView['policy'], string> = {
  open: 'It has to do with all pods but those that are blocked.',
  list: 'It has to do with the pods that are allowed.',
  closed: 'It has to do with no other pod.'
}
const allow = (hostname: string, fingerprint?: string) =>
  post(`pod/peers/${part(hostname)}/allow`, fingerprint ? { fingerprint } : {})
const block = (hostname: string) => post(`pod/peers/${part(hostname)}/block`)

export function Peers(): JSX.Element {
  const all = useLoad(() => get<PeersView>('pod/peers'))
  return (
    <Desk title="Other pods">
      <Known of={all}>
        {({ policy, peers }) => (
          <>
            <p class="lead">{policies[policy]}</p>
            {isOwner() && <Named />}
            {peers.length === 0 ? (
              <Empty icon="network" title="No other pod yet" />
            ) : (
              <Paged items={peers}>
                {shown => (
                  <Table
                    label="Other pods"
                    heads={['Pod', 'Standing', 'Waits for it', 'Seen', 'Problem', '']}
                  >
                    {shown.map(peer => (
                      <tr key={peer.hostname}>
                        <td class="wide">
                          <Safe text={peer.hostname} />
                        </td>
                        <td>
                          <span class={`chip${peer.standing === 'blocked' ? ' bad' : ''}`}>
                            {peer.standing}
                          </span>
                        </td>
                        <td>{peer.queued}</td>
                        <td>{peer.seenMs > 0 ? <Time ms={peer.seenMs} /> : 'never'}</td>
                        <td class="wide">
                          {peer.code &&
                            `${peer.code}, ${peer.failures} times; again ${apart(peer.retryMs, nowMs.value)}`}
                        </td>
                        <td class="row-buttons">
                          {isOwner() && (
                            <Standings hostname={peer.hostname} standing={peer.standing} />
                          )}
                        </td>
                      </tr>
                    ))}
                  </Table>
                )}
              </Paged>
            )}
          </>
        )}
      </Known>
    </Desk>
  )
}

const Standings = ({ hostname, standing }: { hostname: string; standing: string }): JSX.Element => (
  <>
    {standing !== 'allowed' && (
      <Button onClick={() => press(() => allow(hostname), `Allowed: ${hostname}.`)}>Allow</Button>
    )}{' '}
    {standing !== 'blocked' && (
      <Button
        kind="danger"
        onClick={() =>
          press(
            () => block(hostname),
            `Blocked: ${hostname}.`,
            () => allow(hostname)
          )
        }
      >
        Block
      </Button>
    )}
  </>
)

/** One that has not been heard of yet. */
function Named(): JSX.Element {
  const { problem, isBusy, run } = useRun()
  const hostname = useSignal('')
  const fingerprint = useSignal('')
  return (
    <form
      class="stack"
      onSubmit={event =>
        void run(event, async () => {
          const given = fingerprint.value.replace(/\s/g, '').toLowerCase()
          await done(
            () => allow(hostname.value.trim(), given),
            `Allowed: ${hostname.value.trim()}.`
          )
          hostname.value = ''
          fingerprint.value = ''
        })
      }
    >
      <div class="inline-form">
        <Line label="Hostname" value={hostname.value} onValue={value => (hostname.value = value)} />
        <Line
          label="Fingerprint, if you know it"
          value={fingerprint.value}
          onValue={value => (fingerprint.value = value)}
        />
        <Button type="submit" busy={isBusy}>
          Allow
        </Button>
      </div>
      <Trouble problem={problem} />
    </form>
  )
}
