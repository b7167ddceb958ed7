// What every browser has, and Node 20 has not. For `node --import`.
import WebSocket from 'ws';

globalThis.WebSocket ??= WebSocket;
