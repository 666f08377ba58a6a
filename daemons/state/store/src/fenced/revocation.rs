//! Lists of revoked certificates are fetched, or not.

use super::FencedTx;
use crate::StoreError;
use crate::backend::values;
use crate::statement::statement;

impl FencedTx {
    /// Keeps the list of this URL, as PEM, in place of the one before.
    pub async fn list_fetched(&mut self, url: &str, list: &str) -> Result<(), StoreError> {
        self.transaction.execute(statement!("revocation", "fetched"), values![url, list]).await?;
        self.is_news = true;
        Ok(())
    }

    /// Notes that the list of this URL is the one that is kept.
    pub async fn list_unchanged(&mut self, url: &str) -> Result<(), StoreError> {
        self.transaction.execute(statement!("revocation", "unchanged"), values![url]).await?;
        Ok(())
    }

    /// Notes why the list of this URL could not be fetched; the one that is kept stays.
    pub async fn list_not_fetched(
        &mut self,
        url: &str,
        code: &str,
        text: &str,
    ) -> Result<(), StoreError> {
        let values = values![url, code, text];
        self.transaction.execute(statement!("revocation", "not_fetched"), values).await?;
        Ok(())
    }

    /// Forgets the list of an URL that nothing leads to any more.
    pub async fn forget_list(&mut self, url: &str) -> Result<(), StoreError> {
        self.transaction.execute(statement!("revocation", "forget"), values![url]).await?;
        self.is_news = true;
        Ok(())
    }
}
