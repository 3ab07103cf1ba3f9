-- What a server looks for at its start and a change before it begins, however long the history.
CREATE INDEX releases_active ON releases (deploy_id, number) WHERE status = 'active';
CREATE INDEX releases_pending ON releases (deploy_id, number) WHERE status = 'pending';
