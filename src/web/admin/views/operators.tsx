import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { LoginLinkView } from '../../../api/operator.ts'
import type { OperatorView } from '../../../pod/admin/admin.ts'
import type { Role } from '../../../pod/admin/rows.ts'
import { attempt } from '../../data/toasts.ts'
import { Button, Dialog, Field, Trouble } from '../../parts/basics.tsx'
import { Confirm } from '../../parts/confirm.tsx'
import { useRun } from '../../parts/use-run.ts'
import { get, part, post } from '../data/ask.ts'
import { refresh, useLoad } from '../data/live.ts'
import { isOwner, session } from '../data/session.ts'
import { done, press } from '../parts/deed.ts'
import { Choice, Desk, Known, Line, Table, Time } from '../parts/desk.tsx'

const roles: readonly (readonly [Role, string])[] = [
  ['owner', 'owner: everything'],
  ['moderator', 'moderator: people, invites, reports'],
  ['reader', 'reader: looks']
]
const setRole = (name: string, role: Role) => post(`pod/operators/${part(name)}/role`, { role })

export function Operators(): JSX.Element {
  const all = useLoad(() => get<OperatorView[]>('pod/operators'))
  const link = useSignal<LoginLinkView | null>(null)
  const asked = useSignal<{ deed: 'reset' | 'remove'; name: string } | null>(null)
  const linkFor = async (name: string) => {
    link.value = await post<LoginLinkView>('pod/login-links', { name })
    refresh()
  }
  return (
    <Desk title="Operators">
      {isOwner() && <Add onAdded={linkFor} />}
      <Known of={all}>
        {operators => (
          <Table label="Operators" heads={['Name', 'Role', 'Password', 'Codes', 'Last login', '']}>
            {operators.map(({ name, role, hasPassword, hasCodes, loginMs }) => (
              <tr key={name}>
                <td class="wide">{name}</td>
                <td>
                  {isOwner() ? (
                    <select
                      aria-label={`Role of ${name}`}
                      value={role}
                      onChange={event => {
                        const next = event.currentTarget.value as Role
                        event.currentTarget.value = role
                        press(
                          () => setRole(name, next),
                          `${name} is ${next} now.`,
                          () => setRole(name, role)
                        )
                      }}
                    >
                      {roles.map(([value]) => (
                        <option value={value}>{value}</option>
                      ))}
                    </select>
                  ) : (
                    role
                  )}
                </td>
                <td>{hasPassword ? 'yes' : 'none yet'}</td>
                <td>{hasCodes ? 'yes' : 'no'}</td>
                <td>{loginMs === null ? 'never' : <Time ms={loginMs} />}</td>
                <td class="row-buttons">
                  {isOwner() && name !== session.value?.operator.name && (
                    <>
                      <Button onClick={() => void attempt(() => linkFor(name))}>Login link</Button>{' '}
                      <Button onClick={() => (asked.value = { deed: 'reset', name })}>Reset</Button>{' '}
                      <Button
                        kind="danger"
                        onClick={() => (asked.value = { deed: 'remove', name })}
                      >
                        Remove
                      </Button>
                    </>
                  )}
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Known>
      {asked.value && (
        <Confirm
          title={asked.value.deed === 'reset' ? 'Reset the login' : 'Remove the operator'}
          yes={asked.value.deed === 'reset' ? 'Reset' : 'Remove'}
          no="Cancel"
          onYes={async () => {
            const { deed, name } = asked.value!
            await attempt(() => done(() => post(`pod/operators/${part(name)}/${deed}`), 'Done.'))
          }}
          onClose={() => (asked.value = null)}
        >
          {asked.value.deed === 'reset'
            ? 'Their password and one-time codes are void and their sessions end; a login link lets them in again.'
            : 'They are logged out at once. You can add them again.'}
        </Confirm>
      )}
      {link.value && <Shown link={link.value} onClose={() => (link.value = null)} />}
    </Desk>
  )
}

function Add({ onAdded }: { onAdded: (name: string) => Promise<void> }): JSX.Element {
  const { problem, isBusy, run } = useRun()
  const name = useSignal('')
  const role = useSignal<Role>('moderator')
  return (
    <form
      class="stack"
      onSubmit={event =>
        void run(event, async () => {
          const added = await post<OperatorView>('pod/operators', {
            name: name.value,
            role: role.value
          })
          name.value = ''
          await onAdded(added.name)
        })
      }
    >
      <div class="inline-form">
        <Line label="New operator" value={name.value} onValue={value => (name.value = value)} />
        <Choice
          label="Role"
          value={role.value}
          options={roles}
          onValue={value => (role.value = value)}
        />
        <Button type="submit" busy={isBusy}>
          Add
        </Button>
      </div>
      <Trouble problem={problem} />
    </form>
  )
}

const Shown = ({ link, onClose }: { link: LoginLinkView; onClose: () => void }): JSX.Element => (
  <Dialog title={`A login link for ${link.operator}`} onClose={onClose}>
    <div class="stack">
      <Field label="Link">
        {id => (
          <textarea
            id={id}
            class="secret"
            rows={4}
            readOnly
            value={link.url ?? new URL(`#link=${link.token}`, location.href).href}
          />
        )}
      </Field>
      <p class="hint">
        Whoever opens it is {link.operator}, once, until <Time ms={link.untilMs} />. Give it to them
        in a way that you trust.
      </p>
      <div class="buttons">
        <Button kind="primary" onClick={onClose}>
          Done
        </Button>
      </div>
    </div>
  </Dialog>
)
