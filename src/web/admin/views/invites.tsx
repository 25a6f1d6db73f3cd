import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { Invite } from '../../../api/operator.ts'
import type { InviteView } from '../../../pod/invites.ts'
import { attempt } from '../../data/toasts.ts'
import { Button, Dialog, Empty, Field, Trouble } from '../../parts/basics.tsx'
import { Confirm } from '../../parts/confirm.tsx'
import { QrCode } from '../../parts/qr-code.tsx'
import { useRun } from '../../parts/use-run.ts'
import { Safe } from '../../text/safe.tsx'
import { get, part, post } from '../data/ask.ts'
import { refresh, useLoad } from '../data/live.ts'
import { mayModerate } from '../data/session.ts'
import { done } from '../parts/deed.ts'
import { Choice, Desk, Known, Line, Paged, Table, Time } from '../parts/desk.tsx'

export function Invites(): JSX.Element {
  const all = useLoad(() => get<InviteView[]>('pod/invites'))
  const isMaking = useSignal(false)
  const revoked = useSignal<InviteView | null>(null)
  return (
    <Desk
      title="Invites"
      tools={
        mayModerate() && (
          <Button icon="write" kind="primary" onClick={() => (isMaking.value = true)}>
            New invite
          </Button>
        )
      }
    >
      <Known of={all}>
        {invites =>
          invites.length === 0 ? (
            <Empty icon="label" title="No invites">
              Who has the link of one may take an alias here.
            </Empty>
          ) : (
            <Paged items={invites}>
              {shown => (
                <Table
                  label="Invites"
                  heads={['Invite', 'State', 'Used', 'Note', 'Made', 'Until', '']}
                >
                  {shown.map(invite => (
                    <tr key={invite.id}>
                      <td>
                        <code>{invite.id}</code>
                      </td>
                      <td>
                        <span class={`chip${invite.state === 'open' ? '' : ' bad'}`}>
                          {invite.state}
                        </span>
                      </td>
                      <td>
                        {invite.used} of {invite.uses}
                      </td>
                      <td class="wide">
                        <Safe text={invite.note} />
                      </td>
                      <td>
                        <Time ms={invite.createdMs} /> by{' '}
                        <Safe text={invite.by.name.slice(0, 24)} />
                      </td>
                      <td>
                        <Time ms={invite.untilMs} />
                      </td>
                      <td class="row-buttons">
                        {invite.state === 'open' && mayModerate() && (
                          <Button kind="danger" onClick={() => (revoked.value = invite)}>
                            Take back
                          </Button>
                        )}
                      </td>
                    </tr>
                  ))}
                </Table>
              )}
            </Paged>
          )
        }
      </Known>
      {isMaking.value && <NewInvite onClose={() => (isMaking.value = false)} />}
      {revoked.value && (
        <Confirm
          title="Take the invite back"
          yes="Take back"
          no="Keep it"
          onYes={async () => {
            const path = `pod/invites/${part(revoked.value!.id)}/revoke`
            await attempt(() => done(() => post(path), 'Taken back.'))
          }}
          onClose={() => (revoked.value = null)}
        >
          Nobody comes in by it any more; who did, stays. To undo that, make a new one.
        </Confirm>
      )}
    </Desk>
  )
}

const lives = [
  ['86400000', 'a day'],
  ['604800000', 'a week'],
  ['2592000000', '30 days'],
  ['31536000000', 'a year']
] as const

function NewInvite({ onClose }: { onClose: () => void }): JSX.Element {
  const { problem, isBusy, run } = useRun()
  const uses = useSignal('1')
  const lifeMs = useSignal<(typeof lives)[number][0]>('604800000')
  const note = useSignal('')
  const made = useSignal<Invite | null>(null)
  if (made.value) return <Made invite={made.value} onClose={onClose} />
  return (
    <Dialog title="New invite" onClose={onClose}>
      <form
        class="stack"
        onSubmit={event =>
          void run(event, async () => {
            const given = {
              uses: Number(uses.value),
              lifeMs: Number(lifeMs.value),
              note: note.value
            }
            made.value = await post<Invite>('pod/invites', given)
            refresh()
          })
        }
      >
        <div class="two">
          <Line
            label="For how many"
            type="number"
            value={uses.value}
            onValue={value => (uses.value = value)}
          />
          <Choice
            label="Good for"
            value={lifeMs.value}
            options={lives}
            onValue={value => (lifeMs.value = value)}
          />
        </div>
        <Line
          label="Note"
          value={note.value}
          hint="For operators: whom it is for."
          onValue={value => (note.value = value)}
        />
        <Trouble problem={problem} />
        <div class="buttons">
          <Button kind="primary" type="submit" busy={isBusy}>
            Make the invite
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

/** The code is shown now and never again: the pod keeps its hash. */
const Made = ({ invite, onClose }: { invite: Invite; onClose: () => void }): JSX.Element => (
  <Dialog title="Give this link to whom you invite" onClose={onClose}>
    <div class="stack card-sheet">
      <QrCode text={invite.link} label="The link as a QR code" />
      <Field label="Link">
        {id => <textarea id={id} class="secret" rows={4} readOnly value={invite.link} />}
      </Field>
      <p class="hint">
        It is shown this once. Whoever has it may take an alias, until <Time ms={invite.untilMs} />.
      </p>
      <div class="buttons">
        <Button onClick={() => void attempt(() => navigator.clipboard.writeText(invite.link))}>
          Copy
        </Button>
        <Button kind="primary" onClick={onClose}>
          Done
        </Button>
      </div>
    </div>
  </Dialog>
)
