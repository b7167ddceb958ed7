import type { FormattedExecutionResult } from 'graphql';
export type Message = FormattedExecutionResult<Record<string, unknown>, unknown>;
export declare const TERMINAL = "TERMINAL";
/** Where the stream stands with this message. */
export declare function cursorOf({ extensions }: Message): string | undefined;
/** Whether the first message of a stream is its StreamOpened: always, but for errors, or where its name says otherwise. */
export declare function isOpening(message: Message): boolean;
/** The reason, where the message is the stream's StreamClosed. Throws where the document doesn't select it. */
export declare function closeReason(message: Message): string | undefined;
/** Without the reason an end can't be told from a cut, and the link would come back for ever. */
export declare function checkClosing(query: string): void;
