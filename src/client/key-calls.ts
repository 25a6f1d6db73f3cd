import type { RevocationReason } from '../keys/revoke.ts'
import type { OwnMove } from './moving/moving.ts'
import type { OwnSubkey } from './rotation.ts'
import type { OwnSuccession } from './succession/succeeding.ts'
import type { Alarm } from './trust/alarms.ts'
import type { Revoked } from './trust/revoking.ts'

/** What a person does about the own key, and is told of it: a part of a `Client`. */
export interface KeyCalls {
  /** The person's encryption subkeys, newest first. */
  subkeys(): Promise<OwnSubkey[]>
  /** A new encryption subkey now, whatever the age of the newest. @throws {MuttrError} `VAULT_LOCKED` */
  rotateSubkey(): Promise<OwnSubkey[]>
  /** A revocation certificate, armored, to be put away: whoever has it can take the key back. @throws {MuttrError} `VAULT_LOCKED` */
  revocation(): Promise<string>
  /** Takes the own key back for good, and has the own pods show that. @throws {MuttrError} `VAULT_LOCKED` */
  revokeKey(options: { reason: RevocationReason }): Promise<Revoked>
  /**
   * The same with a {@link revocation} made before, also while the vault is locked; with an alias that is not ours, of the key that its pod
   * shows. @throws {MuttrError} `KEY_INVALID` when it is of another key
   */
  revokeWith(revocation: Uint8Array, alias?: string): Promise<Revoked>
  /**
   * Takes a new key in the place of the own one, which names it: a fresh one, or `secretKey`, armored. Pods and correspondents follow.
   * @throws {MuttrError} nothing is changed then: `VAULT_LOCKED`, `KEY_REVOKED`, `SUCCESSION_INVALID`, `POD_TOO_OLD`, as `importPerson`
   */
  succeedKey(options?: { secretKey?: string; keyPassphrase?: string }): Promise<OwnSuccession>
  /** How far the last new key has come; null when nothing is left of the one before. */
  succession(): Promise<OwnSuccession | null>
  /**
   * Leaves an own alias, the oldest unless `from` says another, for `to`, which is registered where it is not yet. The former pod is told, and those
   * who write there follow by themselves. @throws {MuttrError} nothing has moved then: `VAULT_LOCKED`, `KEY_REVOKED`, `ALIAS_MISSING`, `MOVE_INVALID`, as
   * for registering
   */
  move(
    to: string,
    options?: { from?: string; invite?: string; note?: string; signal?: AbortSignal }
  ): Promise<OwnMove>
  /** Own aliases that were left, newest first. */
  moves(): Promise<OwnMove[]>
  /** What pods show that nobody asked for, as far as it was not answered, oldest first. */
  alarms(): Promise<Alarm[]>
  /**
   * The file by which anybody can check that a pod said different things about this alias; also after that was answered. At most 200 KiB.
   * @throws {MuttrError} `PROOF_UNKNOWN`, `VAULT_LOCKED`, `ALIAS_INVALID` Source: docs/protocol/proof.md#a-split-view
   */
  alarmProof(alias: string): Promise<Uint8Array>
  /** The person has taken note of the alarms about an alias. @returns them @throws {MuttrError} `ALIAS_INVALID` */
  answerAlarms(alias: string): Promise<Alarm[]>
}
