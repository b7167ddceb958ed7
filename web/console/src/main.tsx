import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { takeToken } from './session';
import './style.css';

takeToken();
addEventListener('hashchange', () => location.hash.startsWith('#token=') && location.reload());

const page = document.getElementById('page');
if (page) createRoot(page).render(<StrictMode children={<App />} />);
